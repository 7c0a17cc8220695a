"""Sessions with mail servers: dial, TLS, sign in. Knows no Kubernetes and no conditions."""
