{{- define "fleet.pod" -}}
{{- $pool := .pool -}}
{{- with $pool.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pool.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: agent
    image: "{{ .root.Values.image }}:{{ $pool.tag | default .root.Chart.AppVersion | default "1" }}"
{{- end }}
