package main

import (
	"context"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
)

// verdict is one line of output.
type verdict struct {
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace,omitempty"`
	Name       string   `json:"name"`
	Generation int64    `json:"generation"`
	Status     string   `json:"status"` // InProgress, Current, Failed, Terminating or Unknown
	Message    string   `json:"message"`
	Findings   []string `json:"findings"` // each starts with FAIL or WARN, as Flux grades it
}

// judge holds Flux's two sets of checks: some rules hold only once an object
// has settled, others only before.
type judge struct{ settled, underWay *check.Checker }

func newJudge(negative []string) judge {
	polarity := &check.Conditions{NegativePolarity: append(negative, "Reconciling", "Stalled")}
	j := judge{settled: check.NewChecker(nil, polarity), underWay: check.NewInProgressChecker(nil)}
	j.settled.DisableFetch, j.underWay.DisableFetch = true, true
	return j
}

func (j judge) judge(object *unstructured.Unstructured) (verdict, error) {
	result, err := status.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{
		Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName(), Generation: object.GetGeneration(),
		Status: result.Status.String(), Message: result.Message, Findings: j.findings(object, result.Status),
	}, nil
}

func (j judge) findings(object *unstructured.Unstructured, computed status.Status) []string {
	getter := conditions.UnstructuredGetter(object)
	if len(getter.GetConditions()) == 0 && computed == status.InProgressStatus {
		return []string{} // nobody has looked at it yet, and kstatus knows that
	}
	checker := j.settled
	if computed == status.InProgressStatus || computed == status.TerminatingStatus {
		checker = j.underWay
	}
	fail, warn := checker.Check(context.Background(), getter)
	return append(graded("FAIL: ", fail), graded("WARN: ", warn)...)
}

// graded lists the errors that an aggregate consists of.
func graded(grade string, err error) []string {
	found := []string{}
	if all, ok := err.(kerrors.Aggregate); ok {
		for _, one := range all.Errors() {
			found = append(found, grade+strings.TrimSpace(one.Error()))
		}
	}
	return found
}
