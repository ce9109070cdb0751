// nodeaffinity says whether the scheduler would let Pods onto nodes: it asks the scheduler's own package. Standard input holds a JSON object
// in each line: "pod" is the spec of a Pod, "nodes" is a list of labels. For each line it prints a list of booleans.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

type question struct {
	Pod   corev1.PodSpec      `json:"pod"`
	Nodes []map[string]string `json:"nodes"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var q question
		if err := json.Unmarshal(in.Bytes(), &q); err != nil {
			log.Fatal(err)
		}
		required := nodeaffinity.GetRequiredNodeAffinity(&corev1.Pod{Spec: q.Pod})
		answers := make([]bool, len(q.Nodes))
		for i, labels := range q.Nodes {
			node := &corev1.Node{}
			node.Name = "node"
			node.Labels = labels
			// An error means that some term cannot be parsed, and that no other one matches.
			answers[i], _ = required.Match(node)
		}
		if err := out.Encode(answers); err != nil {
			log.Fatal(err)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}
