// Command runtimes answers which rows of an image index a container runtime selects, with the
// matchers of containerd and CRI-O. It reads cases as JSON lines and writes an answer for each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	digest "github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
	containerd17 "oracle.invalid/containerd17"
	containerd20 "oracle.invalid/containerd20"
	containerd22 "oracle.invalid/containerd22"
	containerd23 "oracle.invalid/containerd23"
	containerd24 "oracle.invalid/containerd24"
)

type platform struct {
	OS         string   `json:"os"`
	Arch       string   `json:"architecture"`
	Variant    string   `json:"variant"`
	OSVersion  string   `json:"os.version"`
	OSFeatures []string `json:"os.features"`
}

func (p platform) spec() specs.Platform {
	return specs.Platform{
		OS: p.OS, Architecture: p.Arch, Variant: p.Variant, OSVersion: p.OSVersion, OSFeatures: p.OSFeatures,
	}
}

// question is one case: Runtime is `cri-o`, or `containerd` with a Matcher, the field of the
// containerd release that first used it. Fallback asks for platforms.Only, which the CRI plug-in
// uses before containerd 2.1; later the transfer service uses platforms.Ordered.
type question struct {
	Runtime  string     `json:"runtime"`
	Fallback bool       `json:"fallback"`
	Host     platform   `json:"host"`
	Rows     []platform `json:"rows"`
}

type matcher interface{ Match(specs.Platform) bool }

func containerdMatcher(asked question) (matcher, error) {
	host := asked.Host.spec()
	switch {
	case asked.Runtime == "containerd17":
		return containerd17.Only(host), nil
	case asked.Runtime == "containerd20" && asked.Fallback:
		return containerd20.Only(host), nil
	case asked.Runtime == "containerd20":
		return containerd20.Ordered(host), nil
	case asked.Runtime == "containerd22":
		return containerd22.Ordered(host), nil
	case asked.Runtime == "containerd23":
		return containerd23.Ordered(host), nil
	case asked.Runtime == "containerd24":
		return containerd24.Ordered(host), nil
	}
	return nil, fmt.Errorf("there is no matcher %s", asked.Runtime)
}

// chosenByCRIO returns whether CRI-O selects a row that is the only one of its index.
func chosenByCRIO(host platform, row platform) bool {
	spec := row.spec()
	index := manifest.OCI1IndexFromComponents([]specs.Descriptor{{
		MediaType: specs.MediaTypeImageManifest,
		Digest:    digest.FromString("row"),
		Platform:  &spec,
	}}, nil)
	_, err := index.ChooseInstance(&types.SystemContext{
		OSChoice: host.OS, ArchitectureChoice: host.Arch, VariantChoice: host.Variant,
	})
	return err == nil
}

func answer(line []byte) ([]bool, error) {
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return nil, err
	}
	selected := make([]bool, len(asked.Rows))
	if asked.Runtime == "cri-o" {
		for i, row := range asked.Rows {
			selected[i] = chosenByCRIO(asked.Host, row)
		}
		return selected, nil
	}
	match, err := containerdMatcher(asked)
	if err != nil {
		return nil, err
	}
	for i, row := range asked.Rows {
		selected[i] = match.Match(row.spec())
	}
	return selected, nil
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for in.Scan() {
		selected, err := answer(in.Bytes())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(selected); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
