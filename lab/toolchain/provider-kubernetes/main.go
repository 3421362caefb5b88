// The Pulumi Kubernetes provider, built from its published Go module.
//
// The module ships `schema.json` and `terraform-mapping.json`, but not the two generated copies that its own main embeds:
// the lab makes both from them, beside this file in a folder of its own, before it builds.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema-embed.json
var schema []byte

//go:embed terraform-mapping-embed.json
var mapping []byte

// version is set by the linker.
var version string

func main() { provider.Serve("kubernetes", version, schema, mapping) }
