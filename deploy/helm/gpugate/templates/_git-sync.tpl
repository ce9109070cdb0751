{{- define "gpugate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* A container that brings the policy from Git: .root, .name, and further .args. It is exchanged as a whole, by the link /git/policy. */}}
{{- define "gpugate.gitSync" -}}
{{- $git := .root.Values.policy.gitSync -}}
{{- $ssh := or (hasPrefix "ssh://" $git.repo) (regexMatch "^[^/:]+@[^/]+:" $git.repo) -}}
- name: {{ .name }}
  image: {{ include "gpugate.image" $git.image | quote }}
  imagePullPolicy: {{ $git.image.pullPolicy }}
  args:
    - --repo={{ $git.repo }}
    - --ref={{ $git.ref }}
    - --depth=1
    - --root=/git
    - --link=policy
    {{- range .args }}
    - {{ . }}
    {{- end }}
    {{- if and $git.secret $ssh }}
    - --ssh-key-file=/etc/git-secret/ssh
    - --ssh-known-hosts-file=/etc/git-secret/known_hosts
    {{- else if $git.secret }}
    - --username={{ $git.username }}
    - --password-file=/etc/git-secret/password
    {{- end }}
  resources:
    {{- toYaml $git.resources | nindent 4 }}
  # The user that the image has in /etc/passwd: ssh asks for one.
  securityContext:
    runAsUser: 65533
    runAsGroup: 65533
    {{- include "gpugate.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    - name: policy
      mountPath: /git
    - name: git-tmp
      mountPath: /tmp
    {{- if $git.secret }}
    - name: git-secret
      mountPath: /etc/git-secret
      readOnly: true
    {{- end }}
{{- end }}
