package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
)

// records is a JSON file of named values, read at every use so that what is
// added while the cluster runs takes effect at once.
type records[V any] struct{ path string }

func (r records[V]) load() (map[string]V, error) {
	values := map[string]V{}
	b, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil
	} else if err != nil {
		return nil, err
	}
	return values, json.Unmarshal(b, &values)
}

// change applies f to the values and stores them.
func (r records[V]) change(f func(values map[string]V)) error {
	values, err := r.load()
	if err != nil {
		return err
	}
	f(values)
	b, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.path+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(r.path+".tmp", r.path)
}
