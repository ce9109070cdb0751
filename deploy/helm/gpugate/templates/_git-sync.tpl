{{- define "gpugate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/*
A container that fetches the policy from Git: .root, .name, and further .args. The link /git/policy
replaces it as a whole.
*/}}
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
  securityContext:
    {{- with $git.runAsUser }}
    runAsUser: {{ int64 . }}
    {{- end }}
    {{- with $git.runAsGroup }}
    runAsGroup: {{ int64 . }}
    {{- end }}
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

{{/* What the container needs in addition to the volume of the policy. */}}
{{- define "gpugate.gitVolumes" -}}
{{- if eq (include "gpugate.policySource" .) "git" }}
- name: git-tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.policy.gitSync.secret }}
- name: git-secret
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- end }}
