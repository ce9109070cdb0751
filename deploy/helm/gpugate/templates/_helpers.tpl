{{/* Names are fixed: a cluster has one gpugate, since it has one ledger and one registration. */}}

{{- define "gpugate.labels" -}}
{{ include "gpugate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{- define "gpugate.selector" -}}
app.kubernetes.io/name: gpugate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gpugate.lintLabels" -}}
app.kubernetes.io/name: gpugate-lint
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* Takes .repository, .tag and .digest. A digest overrides the tag. */}}
{{- define "gpugate.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{/* "true" if Helm can look into the cluster, unlike a tool that only renders templates. */}}
{{- define "gpugate.connected" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}true{{ end }}
{{- end }}

{{/* Where the policy comes from: default, files, configmap or git. */}}
{{- define "gpugate.policySource" -}}
{{- $given := list }}
{{- with .Values.policy }}
{{- if .files }}{{ $given = append $given "files" }}{{ end }}
{{- if .existingConfigMap }}{{ $given = append $given "configmap" }}{{ end }}
{{- if .gitSync.repo }}{{ $given = append $given "git" }}{{ end }}
{{- end }}
{{- if gt (len $given) 1 }}
{{- fail "a policy comes from one place: set one of policy.files, policy.existingConfigMap and policy.gitSync.repo" }}
{{- end }}
{{- first $given | default "default" }}
{{- end }}

{{/* The files of the policy, if the chart contains them. */}}
{{- define "gpugate.policyData" -}}
{{- if eq (include "gpugate.policySource" .) "files" }}
{{- toYaml .Values.policy.files }}
{{- else }}
{{- (.Files.Glob "files/policy/*").AsConfig }}
{{- end }}
{{- end }}

{{- define "gpugate.policyConfigMap" -}}
{{ .Values.policy.existingConfigMap | default "gpugate-policy" }}
{{- end }}

{{/* The user of a Pod. For null, the cluster chooses, as OpenShift requires. */}}
{{- define "gpugate.podSecurity" -}}
runAsNonRoot: true
{{- range $name := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with get $.Values.podSecurity $name }}
{{ $name }}: {{ int64 . }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/*
The failurePolicy of a webhook: .root, and .webhook as rendered. Fail only comes into force once a
replica answers. Before, at a first installation and after an uninstall, it would refuse every Pod
that asks for devices. Where Fail is already in force, it stays. A tool that only renders templates
cannot look into the cluster, and gets the final value.
*/}}
{{- define "gpugate.failurePolicy" -}}
{{- $root := .root }}
{{- $wanted := get $root.Values.webhooks.failurePolicy (.webhook.name | splitList "." | first) | default .webhook.failurePolicy }}
{{- if and (eq $wanted "Fail") (include "gpugate.connected" $root) }}
{{- $answers := dig "status" "availableReplicas" 0 (lookup "apps/v1" "Deployment" $root.Release.Namespace "gpugate") }}
{{- $name := .webhook.name }}
{{- range (lookup "admissionregistration.k8s.io/v1" "ValidatingWebhookConfiguration" "" "gpugate").webhooks }}
{{- if and (eq .name $name) (eq .failurePolicy "Fail") }}
{{- $answers = 1 }}
{{- end }}
{{- end }}
{{- if not $answers }}
{{- $wanted = "Ignore" }}
{{- $_ := set .webhook "heldBack" true }}
{{- end }}
{{- end }}
{{- $wanted }}
{{- end }}

{{/* "true" if a webhook is registered with Ignore for now. */}}
{{- define "gpugate.heldBack" -}}
{{- $held := false }}
{{- range (include "gpugate.webhooks" . | fromJson).items }}
{{- range .webhooks }}
{{- $_ := include "gpugate.failurePolicy" (dict "root" $ "webhook" .) }}
{{- $held = or $held (hasKey . "heldBack") }}
{{- end }}
{{- end }}
{{- if $held }}true{{ end }}
{{- end }}

{{/* The folder that serve reads. */}}
{{- define "gpugate.policyPath" -}}
{{- if eq (include "gpugate.policySource" .) "git" -}}
{{ printf "/git/policy/%s" (trimAll "/" .Values.policy.gitSync.path) | trimSuffix "/" }}
{{- else -}}
/etc/gpugate/policy
{{- end }}
{{- end }}

{{- define "gpugate.pathSecretName" -}}
{{ .Values.pathSecret.existingSecret | default "gpugate-path" }}
{{- end }}

{{- define "gpugate.tlsSecretName" -}}
{{- if eq .Values.certificates.mode "existing-secret" }}{{ .Values.certificates.existingSecret }}{{ else }}gpugate-tls{{ end }}
{{- end }}

{{/*
The secret in the paths that the API server calls: a given one, or that in the cluster, or a new
one. It is generated once for all templates of a run. A tool that only renders templates would
generate a new one each time, so it must be given.
*/}}
{{- define "gpugate.pathSecret" -}}
{{- if not (hasKey .Values.pathSecret "resolved") }}
{{- $found := lookup "v1" "Secret" .Release.Namespace (include "gpugate.pathSecretName" .) }}
{{- $text := .Values.pathSecret.value }}
{{- if and (not $text) $found }}
{{- $text = get ($found.data | default dict) "secret" | b64dec | trim }}
{{- if not $text }}
{{- fail (printf "the Secret %s has no key `secret`; its value is the secret part of the paths: openssl rand -hex 24" (include "gpugate.pathSecretName" .)) }}
{{- end }}
{{- end }}
{{- if and (not $text) .Values.pathSecret.existingSecret }}
{{- fail (printf "the Secret %s cannot be read here, and the webhooks need its value: create it first, or, where a tool only templates, set pathSecret.value to the same" .Values.pathSecret.existingSecret) }}
{{- end }}
{{- if and (not $text) (not (include "gpugate.connected" .)) }}
{{- fail "pathSecret.value is missing: without access to the cluster, Helm would make another path secret in every run; set it to what `openssl rand -hex 24` prints, or use helm install" }}
{{- end }}
{{- $_ := set .Values.pathSecret "resolved" ($text | default (randAlphaNum 48 | lower)) }}
{{- end }}
{{- .Values.pathSecret.resolved }}
{{- end }}

{{/* What `gpugate render` printed for the chart's own policy, in the namespace of this release: JSON. */}}
{{- define "gpugate.rendered" -}}
{{- $certs := ternary "self-managed" "files" (eq .Values.certificates.mode "self-managed") }}
{{- $text := .Files.Get (printf "files/rendered/%s.json" $certs) | replace "\"release-namespace\"" (quote .Release.Namespace) }}
{{- if semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version }}
{{- $text = $text | replace "flowcontrol.apiserver.k8s.io/v1\"" "flowcontrol.apiserver.k8s.io/v1beta3\"" }}
{{- end }}
{{- $text }}
{{- end }}

{{/*
The webhook configurations for the policy, as JSON: those of the chart for its own policy, otherwise
webhooks.rendered.
*/}}
{{- define "gpugate.webhooks" -}}
{{- if .Values.webhooks.rendered }}
{{- $list := .Values.webhooks.rendered | fromJson }}
{{- $kinds := list }}
{{- range $list.items }}
{{- if hasSuffix "WebhookConfiguration" .kind }}
{{- $kinds = append $kinds .kind }}
{{- range .webhooks }}
{{- $own := (index .namespaceSelector.matchExpressions 0).values }}
{{- if not (has $.Release.Namespace $own) }}
{{- fail (printf "webhooks.rendered is for the namespace %s, and this release is in %s; render it again with gpugate render --namespace %s --ledger cluster -o json" (first $own) $.Release.Namespace $.Release.Namespace) }}
{{- end }}
{{- if eq .name "ledger.gpugate.io" }}
{{- fail "webhooks.rendered is for the embedded ledger; render it again with gpugate render --ledger cluster -o json" }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if ne (len $kinds) 2 }}
{{- fail "webhooks.rendered has to be the JSON that `gpugate render --ledger cluster -o json` prints, not YAML; give it with --set-file webhooks.rendered=FILE" }}
{{- end }}
{{- .Values.webhooks.rendered }}
{{- else if eq (include "gpugate.policySource" .) "default" }}
{{- include "gpugate.rendered" . }}
{{- else }}
{{- fail (printf "webhooks.rendered is missing: the webhook configurations depend on the policy, which Helm cannot read; run gpugate render --policy DIR --ledger cluster --namespace %s -o json > webhooks.json and give --set-file webhooks.rendered=webhooks.json, or set webhooks.create=false and apply what render prints" .Release.Namespace) }}
{{- end }}
{{- end }}
