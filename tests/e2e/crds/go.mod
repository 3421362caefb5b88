module ai-factory.dev/tests/e2e/crds

go 1.26.0

require (
	github.com/aws/karpenter-provider-aws v1.14.1
	github.com/cilium/cilium v1.20.2
	github.com/spiffe/spire-controller-manager v0.6.3
	sigs.k8s.io/cluster-api v1.14.2
	sigs.k8s.io/kueue v0.17.0
	sigs.k8s.io/network-policy-api v0.2.0
)
