//! How a node is a member of a Kubernetes cluster: its Node object and lease, its Pods from the API and their statuses to it.
