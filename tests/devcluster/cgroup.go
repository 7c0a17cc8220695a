package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// memoryCgroup is the directory of a container's memory cgroup (either
// version), or empty where there is none to use.
type memoryCgroup string

const cgroupRoot = "/sys/fs/cgroup"

func newMemoryCgroup(name string) memoryCgroup {
	for _, parent := range []string{cgroupRoot + "/memory", cgroupRoot} {
		for _, file := range []string{"memory.limit_in_bytes", "cgroup.controllers"} {
			if _, err := os.Stat(filepath.Join(parent, file)); err != nil {
				continue
			}
			if file == "cgroup.controllers" {
				_ = os.WriteFile(filepath.Join(parent, "cgroup.subtree_control"), []byte("+memory"), 0o644)
			}
			return memoryCgroup(filepath.Join(parent, name))
		}
	}
	return ""
}

// removeMemoryCgroups removes those that a killed node left behind.
func removeMemoryCgroups(prefix string) {
	left, _ := filepath.Glob(string(newMemoryCgroup(prefix + "*")))
	for _, dir := range left {
		_ = os.Remove(dir)
	}
}

func (g memoryCgroup) file(name string) string { return filepath.Join(string(g), name) }

func (g *memoryCgroup) create(limit int64) error {
	if *g == "" || limit <= 0 {
		*g = ""
		return nil
	}
	if err := os.Mkdir(string(*g), 0o755); err != nil {
		*g = "" // no cgroup to use: the limit is not enforced
		return nil
	}
	for _, name := range []string{"memory.limit_in_bytes", "memory.max"} {
		if _, err := os.Stat(g.file(name)); err == nil {
			return os.WriteFile(g.file(name), []byte(strconv.FormatInt(limit, 10)), 0o644)
		}
	}
	return nil
}

// enter is a command prefix that moves the process into the cgroup.
func (g memoryCgroup) enter() []string {
	if g == "" {
		return nil
	}
	return []string{"/bin/sh", "-c", `echo 0 >"$0" && exec "$@"`, g.file("cgroup.procs")}
}

func (g memoryCgroup) oomKilled() bool {
	for _, name := range []string{"memory.oom_control", "memory.events"} {
		b, _ := os.ReadFile(g.file(name))
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); g != "" && len(f) == 2 && f[0] == "oom_kill" && f[1] != "0" {
				return true
			}
		}
	}
	return false
}

func (g memoryCgroup) remove() {
	if g != "" {
		_ = os.Remove(string(g))
	}
}
