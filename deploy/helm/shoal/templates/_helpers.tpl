{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{- define "shoal.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "shoal.selector" -}}
app.kubernetes.io/name: shoal
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "shoal.labels" -}}
{{ include "shoal.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "shoal.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "shoal.caSecret" -}}
{{ .Values.links.caSecret | default (printf "%s-link-ca" (include "shoal.name" .)) }}
{{- end }}

{{/* Endpoints of etcd, with commas between them. */}}
{{- define "shoal.etcd" -}}
{{- if .Values.etcd.enabled -}}
http://{{ .Release.Name }}-etcd:2379
{{- else -}}
{{ required "externalEtcd.endpoints is needed with etcd.enabled: false" (join "," .Values.externalEtcd.endpoints) }}
{{- end }}
{{- end }}
