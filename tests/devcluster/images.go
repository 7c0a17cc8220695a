package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// image stands in for a container image: a directory of the host (such as a
// virtual environment) whose bin goes first on PATH, and an entrypoint.
type image struct {
	Prefix     string   `json:"prefix"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	UID        int64    `json:"uid"` // of containers without runAsUser
}

const defaultUID = 65532 // the usual "nonroot"

// interpreters are the programs outside the prefix that its bin leads to, as
// a virtual environment's python does.
func (i image) interpreters() []string {
	entries, _ := os.ReadDir(filepath.Join(i.Prefix, "bin"))
	var found []string
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		target, err := filepath.EvalSymlinks(filepath.Join(i.Prefix, "bin", e.Name()))
		if err == nil && !strings.HasPrefix(target, i.Prefix+"/") && !slices.Contains(found, target) {
			found = append(found, target)
		}
	}
	return found
}

// imageStore serves the kubelet as its image service.
type imageStore struct{ records[image] }

// add stores one REF=PREFIX[,ENTRYPOINT...].
func (s imageStore) add(spec string) error {
	ref, value, ok := strings.Cut(spec, "=")
	parts := strings.Split(value, ",")
	if !ok || ref == "" || !filepath.IsAbs(parts[0]) {
		return fmt.Errorf("image %q is not REF=/PREFIX[,ENTRYPOINT...]", spec)
	}
	if _, err := os.Stat(parts[0]); err != nil {
		return err
	}
	return s.change(func(images map[string]image) {
		images[normalize(ref)] = image{Prefix: filepath.Clean(parts[0]), Entrypoint: parts[1:], UID: defaultUID}
	})
}

func (s imageStore) lookup(ref string) (image, error) {
	images, err := s.load()
	if err != nil {
		return image{}, err
	}
	img, ok := images[normalize(ref)]
	if !ok {
		return image{}, fmt.Errorf("image %q is not known to this cluster; add it with \"devcluster image\"", ref)
	}
	return img, nil
}

func normalize(ref string) string {
	if !strings.Contains(ref[strings.LastIndex(ref, "/")+1:], ":") && !strings.Contains(ref, "@") {
		return ref + ":latest"
	}
	return ref
}

func (s imageStore) describe(ref string, img image) *runtimeapi.Image {
	ref = normalize(ref)
	id := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(ref+img.Prefix)))
	return &runtimeapi.Image{
		Id: id, RepoTags: []string{ref}, RepoDigests: []string{ref[:strings.LastIndex(ref, ":")] + "@" + id},
		Size: 1, Uid: &runtimeapi.Int64Value{Value: img.UID}, Spec: &runtimeapi.ImageSpec{Image: ref},
	}
}

func (s imageStore) ListImages(_ context.Context, f *runtimeapi.ImageFilter) ([]*runtimeapi.Image, error) {
	images, err := s.load()
	var list []*runtimeapi.Image
	for ref, img := range images {
		if want := f.GetImage().GetImage(); want == "" || normalize(want) == ref {
			list = append(list, s.describe(ref, img))
		}
	}
	slices.SortFunc(list, func(a, b *runtimeapi.Image) int { return strings.Compare(a.Id, b.Id) })
	return list, err
}

// ImageStatus accepts a reference or, as the kubelet asks once a container
// runs, an image ID. An unknown image is not an error but "not present".
func (s imageStore) ImageStatus(ctx context.Context, spec *runtimeapi.ImageSpec, _ bool) (*runtimeapi.ImageStatusResponse, error) {
	list, err := s.ListImages(ctx, nil)
	if err != nil {
		return nil, err
	}
	for _, img := range list {
		if img.Id == spec.Image || slices.Contains(img.RepoTags, normalize(spec.Image)) || slices.Contains(img.RepoDigests, spec.Image) {
			return &runtimeapi.ImageStatusResponse{Image: img}, nil
		}
	}
	return &runtimeapi.ImageStatusResponse{}, nil
}

func (s imageStore) PullImage(_ context.Context, spec *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	img, err := s.lookup(spec.Image)
	if err != nil {
		return "", err
	}
	return s.describe(spec.Image, img).Id, nil
}

func (s imageStore) RemoveImage(context.Context, *runtimeapi.ImageSpec) error { return nil }

func (s imageStore) ImageFsInfo(context.Context) (*runtimeapi.ImageFsInfoResponse, error) {
	fs := []*runtimeapi.FilesystemUsage{{
		FsId:      &runtimeapi.FilesystemIdentifier{Mountpoint: filepath.Dir(s.path)},
		UsedBytes: &runtimeapi.UInt64Value{}, InodesUsed: &runtimeapi.UInt64Value{},
	}}
	return &runtimeapi.ImageFsInfoResponse{ImageFilesystems: fs, ContainerFilesystems: fs}, nil
}

func (s imageStore) Close(context.Context) error { return nil }
