{{- /* What the operator may do in the namespaces it serves; each rule says why. The operator checks them at start
       (controller/permissions.py) and a test compares both lists. */ -}}
{{- define "mailbox-operator.namespacedRules" -}}
# the objects it serves
- apiGroups: [mailbox-operator.io]
  resources: [mailboxes, oauthapps]
  verbs: [list, watch]
- apiGroups: [mailbox-operator.io]
  resources: [mailboxes/status, oauthapps/status]
  verbs: [patch]
# passwords, and that one was rotated; RBAC cannot narrow this to the Secrets that Mailboxes name
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
# plan and checkpoint of each fetcher, CAs that Mailboxes name; a fetcher is granted get and patch, and only what one holds may one grant
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# whether the volume of a Maildir is there
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list, watch]
# a fetcher's identity: its checkpoint and nothing else
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [list, watch, create, patch, delete]
# the fetchers
- apiGroups: [apps]
  resources: [deployments]
  verbs: [list, watch, create, patch, delete]
# what people read in `kubectl describe`
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "mailbox-operator.clusterRules" -}}
# presets of mail providers
- apiGroups: [mailbox-operator.io]
  resources: [mailproviders]
  verbs: [list, watch]
- apiGroups: [mailbox-operator.io]
  resources: [mailproviders/status]
  verbs: [patch]
# the cluster's own pod and service ranges, which a Mailbox must not make it dial
- apiGroups: [""]
  resources: [nodes]
  verbs: [list]
- apiGroups: [networking.k8s.io]
  resources: [servicecidrs]
  verbs: [list]
{{- end -}}
