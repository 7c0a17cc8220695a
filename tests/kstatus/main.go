// Command kstatus reads the successive states of Kubernetes objects on
// standard input (JSON or YAML, one after the other, as "kubectl get --watch
// -o json" prints them) and prints one JSON line for each: the status that
// kstatus computes, and what Flux's own checks of conditions find.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	negative := flag.String("negative", "", "further condition types that are bad when True, highest priority first, by comma")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, strings.FieldsFunc(*negative, func(r rune) bool { return r == ',' })); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, negative []string) error {
	judge := newJudge(negative)
	decoder := yaml.NewYAMLOrJSONDecoder(in, 4096)
	encoder := json.NewEncoder(out)
	for {
		var raw map[string]any
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for _, object := range objects(raw) {
			verdict, err := judge.judge(object)
			if err != nil {
				return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
			}
			if err := encoder.Encode(verdict); err != nil {
				return err
			}
		}
	}
}

// objects takes what kubectl prints apart: an object, a list, a watch event,
// or (an empty YAML document) nothing.
func objects(raw map[string]any) []*unstructured.Unstructured {
	if inner, ok := raw["object"].(map[string]any); ok && raw["apiVersion"] == nil {
		raw = inner
	}
	items, ok := raw["items"].([]any)
	if !ok && len(raw) > 0 {
		items = []any{raw}
	}
	found := make([]*unstructured.Unstructured, 0, len(items))
	for _, item := range items {
		if object, ok := item.(map[string]any); ok {
			found = append(found, &unstructured.Unstructured{Object: integral(object).(map[string]any)})
		}
	}
	return found
}

// integral makes whole numbers int64, as a Kubernetes client has them: both
// libraries compare generations as such.
func integral(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			value[key] = integral(inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = integral(inner)
		}
	case float64:
		if whole := int64(value); float64(whole) == value {
			return whole
		}
	}
	return value
}
