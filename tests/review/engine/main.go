// Engine judges generated network policies with cyclonus' matcher, so that the evaluator in Python has somebody to agree with.
//
// It reads cases from standard input, one JSON object a line, and answers each with one line of JSON: for every source and every destination
// (the pods in order, then the addresses outside) a string of 0 and 1, one for each port that was asked.
//
// What cyclonus itself does differently from Kubernetes is put right before it sees it:
//   - its selectors take NotIn on a missing key, and an empty value in matchLabels, otherwise than Kubernetes does: every selector is
//     resolved by k8s.io/apimachinery, and cyclonus sees a label of our own on what it selected;
//   - it knows no host network: such a pod is an address outside;
//   - it knows one name of a port: a port with several is asked under each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

type port struct {
	Number   int
	Protocol core.Protocol
}

type question struct {
	Namespaces []core.Namespace
	Pods       []core.Pod
	Policies   []*networking.NetworkPolicy
	Outside    []string
	Ports      []port
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	decoder, encoder := json.NewDecoder(lines), json.NewEncoder(os.Stdout)
	for decoder.More() {
		var q question
		if err := decoder.Decode(&q); err != nil {
			log.Fatal(err)
		}
		if err := encoder.Encode(answer(&q)); err != nil {
			log.Fatal(err)
		}
	}
}

func answer(q *question) [][]string {
	setDefaults(q.Policies)
	resolveSelectors(q)
	policy := matcher.BuildNetworkPolicies(false, q.Policies)
	peers := peersOf(q)
	allowed := make([][]string, len(peers))
	for i, source := range peers {
		for j, destination := range peers {
			var cell strings.Builder
			for _, p := range q.Ports {
				cell.WriteByte("01"[verdict(policy, source, destination, p, names(q, j, p))])
			}
			allowed[i] = append(allowed[i], cell.String())
		}
	}
	return allowed
}

func verdict(policy *matcher.Policy, source, destination *matcher.TrafficPeer, p port, names []string) int {
	for _, name := range names {
		traffic := &matcher.Traffic{
			Source: source, Destination: destination,
			ResolvedPort: p.Number, ResolvedPortName: name, Protocol: p.Protocol,
		}
		if policy.IsTrafficAllowed(traffic).IsAllowed() {
			return 1
		}
	}
	return 0
}

func names(q *question, destination int, p port) []string {
	found := []string{""}
	if destination < len(q.Pods) {
		for _, container := range q.Pods[destination].Spec.Containers {
			for _, one := range container.Ports {
				if int(one.ContainerPort) == p.Number && one.Protocol == p.Protocol {
					found = append(found, one.Name)
				}
			}
		}
	}
	return found
}

func peersOf(q *question) []*matcher.TrafficPeer {
	namespaceLabels := map[string]map[string]string{}
	for _, n := range q.Namespaces {
		namespaceLabels[n.Name] = n.Labels
	}
	var peers []*matcher.TrafficPeer
	for _, pod := range q.Pods {
		peer := &matcher.TrafficPeer{IP: pod.Status.PodIP}
		if !pod.Spec.HostNetwork {
			peer.Internal = &matcher.InternalPeer{
				Namespace: pod.Namespace, PodLabels: pod.Labels, NamespaceLabels: namespaceLabels[pod.Namespace],
			}
		}
		peers = append(peers, peer)
	}
	for _, ip := range q.Outside {
		peers = append(peers, &matcher.TrafficPeer{IP: ip})
	}
	return peers
}

// setDefaults does what the API server does (SetDefaults_NetworkPolicy in k8s.io/kubernetes/pkg/apis/networking/v1).
func setDefaults(policies []*networking.NetworkPolicy) {
	for _, policy := range policies {
		if len(policy.Spec.PolicyTypes) == 0 {
			policy.Spec.PolicyTypes = []networking.PolicyType{networking.PolicyTypeIngress}
			if len(policy.Spec.Egress) != 0 {
				policy.Spec.PolicyTypes = append(policy.Spec.PolicyTypes, networking.PolicyTypeEgress)
			}
		}
	}
}

func resolveSelectors(q *question) {
	count := 0
	resolve := func(selector *meta.LabelSelector, each func(visit func(map[string]string))) {
		if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
			return
		}
		parsed, err := meta.LabelSelectorAsSelector(selector)
		if err != nil {
			log.Fatal(err)
		}
		mark := fmt.Sprintf("selected-%d", count)
		count++
		each(func(of map[string]string) {
			if parsed.Matches(labels.Set(of)) {
				of[mark] = "yes"
			}
		})
		*selector = meta.LabelSelector{MatchLabels: map[string]string{mark: "yes"}}
	}
	pods := func(visit func(map[string]string)) {
		for i := range q.Pods {
			if q.Pods[i].Labels == nil {
				q.Pods[i].Labels = map[string]string{}
			}
			visit(q.Pods[i].Labels)
		}
	}
	namespaces := func(visit func(map[string]string)) {
		for i := range q.Namespaces {
			visit(q.Namespaces[i].Labels)
		}
	}
	for _, policy := range q.Policies {
		resolve(&policy.Spec.PodSelector, pods)
		var peers []networking.NetworkPolicyPeer
		for _, rule := range policy.Spec.Ingress {
			peers = append(peers, rule.From...)
		}
		for _, rule := range policy.Spec.Egress {
			peers = append(peers, rule.To...)
		}
		for _, peer := range peers {
			resolve(peer.PodSelector, pods)
			resolve(peer.NamespaceSelector, namespaces)
		}
	}
}
