package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

const header = `{"apiVersion":"v1","kind":"Thing","metadata":{"name":"one","generation":2},"status":`

// judged runs the whole program over one state.
func judged(t *testing.T, status string) verdict {
	t.Helper()
	var out bytes.Buffer
	if err := run(strings.NewReader(header+status+"}"), &out, nil); err != nil {
		t.Fatal(err)
	}
	var found verdict
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func condition(kind, status string) string {
	return `{"type":"` + kind + `","status":"` + status + `","reason":"R","message":"m","observedGeneration":2}`
}

func TestStatesFlowThroughKstatus(t *testing.T) {
	for _, c := range []struct{ status, want string }{
		{`{"observedGeneration":-1}`, "InProgress"},
		{`{"observedGeneration":1,"conditions":[` + condition("Ready", "True") + `]}`, "InProgress"},
		{`{"observedGeneration":2,"conditions":[` + condition("Ready", "True") + `]}`, "Current"},
		{`{"observedGeneration":2,"conditions":[` + condition("Ready", "False") + "," + condition("Stalled", "True") + `]}`, "Failed"},
	} {
		got := judged(t, c.status)
		if got.Status != c.want || len(got.Findings) != 0 {
			t.Errorf("%s: %s %v, want %s and nothing found", c.status, got.Status, got.Findings, c.want)
		}
	}
}

func TestFlaws(t *testing.T) {
	for _, c := range []struct{ status, want string }{
		{`{"observedGeneration":2,"conditions":[` + condition("Ready", "True") + "," + condition("Stalled", "True") + `]}`, "FAIL: Ready condition must be False when Stalled"},
		{`{"observedGeneration":2,"conditions":[` + condition("Ready", "Unknown") + `]}`, "FAIL: A mid-reconciliation"},
		{`{"observedGeneration":2,"conditions":[` + condition("Ready", "True") + "," + condition("Reconciling", "False") + `]}`, "WARN: Reconciling condition can be removed"},
		{`{"observedGeneration":3,"conditions":[` + condition("Ready", "False") + `]}`, "FAIL: The ObservedGeneration must be less"},
	} {
		if got := judged(t, c.status); !strings.Contains(strings.Join(got.Findings, "\n"), c.want) {
			t.Errorf("%s: %v, want %q", c.status, got.Findings, c.want)
		}
	}
}

func TestAStreamOfStatesListsAndWatchEvents(t *testing.T) {
	one := header + `{"observedGeneration":-1}}`
	stream := one + "\n" + `{"type":"ADDED","object":` + one + `}{"apiVersion":"v1","kind":"List","items":[` + one + "," + one + "]}"
	var out bytes.Buffer
	if err := run(strings.NewReader(stream), &out, nil); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != 4 {
		t.Errorf("%d lines, want 4: %s", lines, out.String())
	}
}

func TestHalfAStateIsAnError(t *testing.T) {
	if err := run(strings.NewReader(header), io.Discard, nil); err == nil {
		t.Error("no error")
	}
}
