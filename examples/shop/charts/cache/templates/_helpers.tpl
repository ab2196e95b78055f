{{- define "cache.fullname" -}}
{{- .Values.fullnameOverride | default (printf "%s-cache" .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
