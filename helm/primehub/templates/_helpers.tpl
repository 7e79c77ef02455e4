{{- define "primehub.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "primehub.selector" -}}
app.kubernetes.io/name: primehub
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "primehub.labels" -}}
{{ include "primehub.selector" . }}
app.kubernetes.io/part-of: primehub
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "primehub.image" -}}
{{- with .root.Values.images.registry }}{{ . }}/{{ end }}{{ index .root.Values.images .image }}:{{ .root.Values.images.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "primehub.secret" -}}
{{ .Values.existingSecret | default (printf "%s-keys" (include "primehub.name" .)) }}
{{- end }}

{{- define "primehub.host" -}}
{{- if .Values.ingress.enabled }}{{ .Values.ingress.host }}{{ else if .Values.httpRoute.enabled }}{{ first .Values.httpRoute.hostnames }}{{ end }}
{{- end }}

{{- /* what the proxy's certificate is for, where a gateway has to know it by that; empty elsewhere */ -}}
{{- define "primehub.backendHostname" -}}
{{- $route := .Values.httpRoute }}
{{- if and $route.enabled .Values.proxy.tls.secretName $route.backendTls.policy }}
{{- $exact := list }}
{{- range $route.hostnames }}{{ if not (hasPrefix "*" .) }}{{ $exact = append $exact . }}{{ end }}{{ end }}
{{- $route.backendTls.hostname | default (first $exact) }}
{{- end }}
{{- end }}

{{- define "primehub.publicUrl" -}}
{{- if .Values.settings.public_url }}{{ .Values.settings.public_url }}
{{- else if include "primehub.host" . }}
{{- $tls := .Values.ingress.enabled | ternary .Values.ingress.tls.secretName .Values.httpRoute.tls }}
{{- printf "http%s://%s" (ternary "s" "" (not (empty $tls))) (include "primehub.host" .) }}
{{- end }}
{{- end }}

{{- /* the settings of hub and services: what the operator gave, and what only the chart knows */ -}}
{{- define "primehub.settings" -}}
{{- $name := include "primehub.name" . }}
{{- $cluster := dict
  "namespace" .Release.Namespace
  "instance" $name
  "api_url" (printf "http://%s-services:8092/services/primehub/api/v1" $name)
  "hub_url" (printf "http://%s-hub:8081" $name)
  "proxy_pods" (printf "%s-proxy-pods" $name)
  "proxy_api_url" (printf "http://%s-proxy-api:8001" $name)
  "gateway_url" (printf "http://%s-gateway:8093" $name)
  "notebook_image" (include "primehub.image" (dict "root" . "image" "notebook"))
  "sidecar_image" (include "primehub.image" (dict "root" . "image" "sidecar"))
  "git_image" (include "primehub.image" (dict "root" . "image" "git"))
  "image_pull_policy" .Values.images.pullPolicy
  "image_pull_secrets" .Values.images.pullSecrets }}
{{- $ours := dict "engine" "kubernetes" "data_dir" "/var/lib/primehub" "secrets_dir" "/etc/primehub-keys" "kubernetes" $cluster }}
{{- with include "primehub.publicUrl" . }}{{ $_ := set $ours "public_url" . }}{{ end }}
{{- mustMergeOverwrite (deepCopy .Values.settings) $ours | toYaml }}
{{- end }}

{{- define "primehub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "primehub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- /* what every pod of the platform begins with: how it runs, and on which nodes it may */ -}}
{{- define "primehub.placed" -}}
{{- $part := index .root.Values .component -}}
enableServiceLinks: false
securityContext: {{- include "primehub.podSecurity" . | nindent 2 }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with $part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* and those that run beside others of their kind, or away from them */ -}}
{{- define "primehub.pod" -}}
{{- $part := index .root.Values .component -}}
{{ include "primehub.placed" . }}
{{- if $part.affinity }}
affinity: {{- toYaml $part.affinity | nindent 2 }}
{{- else if gt (int ($part.replicas | default 1)) 1 }}
# on nodes of their own, as far as there are any
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "primehub.selector" . | nindent 14 }}
{{- end }}
{{- end }}

{{- /* settings that are secret: each pod is given its own alone */ -}}
{{- define "primehub.secretSettings" -}}
{{- range $setting, $from := .root.Values.secretSettings }}
{{- $ofHub := or (eq $setting "hub_database_url") (hasPrefix "accounts." $setting) }}
{{- if eq $ofHub (eq $.component "hub") }}
- name: PRIMEHUB_SETTING__{{ $setting | upper | replace "." "__" }}
  valueFrom: {secretKeyRef: {name: {{ $from.name }}, key: {{ $from.key }}}}
{{- end }}
{{- end }}
{{- if and (eq .component "services") (dig "accounts" "oidc" nil .root.Values.settings) }}
# the provider's secret is the hub's alone; that there is a provider, the services know
- {name: PRIMEHUB_SETTING__ACCOUNTS__OIDC__CLIENT_SECRET, value: '""'}
{{- end }}
{{- end }}

{{- /* the files of the Secret that a pod needs, and no other */ -}}
{{- define "primehub.keys" -}}
- name: keys
  secret:
    secretName: {{ include "primehub.secret" .root }}
    defaultMode: 0440
    items:
      {{- range .keys }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
{{- end }}

{{- define "primehub.claim" -}}
{{- $storage := (index .root.Values .component).storage -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "primehub.name" .root }}-{{ .component }}
  labels: {{- include "primehub.labels" . | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  accessModes: [{{ $storage.accessMode | default "ReadWriteOnce" }}]
  {{- with $storage.class }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ $storage.size }}}}
{{- end }}

{{- /* what hub and services reach outside: the cluster's own API, and what the settings name. No ports are no rule: a rule
without ports, or without peers, is one for all of them */ -}}
{{- define "primehub.outward" -}}
{{- with .Values.networkPolicies.platform.ports }}
- ports:
    {{- range . }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
{{- with .Values.networkPolicies.platform.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end }}
