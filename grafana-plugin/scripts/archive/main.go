// The archive command packs the built plugin into the archive that Grafana
// installs, and checks one as Grafana's plugin validator would.
//
//	archive pack DIST OUT   writes OUT/ID-VERSION.zip with its checksums, and checks it
//	archive check FILE.zip  says what is wrong with one
//	archive manifest ROOT   prints the hashes of the plugin's Go files
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// errUsage is for a command line that says too little.
var errUsage = errors.New("say one of: pack DIST OUT, check FILE.zip, manifest ROOT")

func main() {
	platforms := flag.String("platforms", strings.Join(releasePlatforms, ","), "platforms whose backend must be there, such as linux/amd64,darwin/arm64")
	flag.Parse()
	if err := run(flag.Args(), strings.Split(*platforms, ","), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run does what the command line says.
func run(args, platforms []string, out io.Writer) error {
	switch {
	case len(args) == 3 && args[0] == "pack":
		file, err := pack(args[1], args[2])
		if err != nil {
			return err
		}
		if err := report(file, platforms); err != nil {
			return err
		}
		fmt.Fprintln(out, file)
		return nil
	case len(args) == 2 && args[0] == "check":
		return report(args[1], platforms)
	case len(args) == 2 && args[0] == "manifest":
		return manifest(args[1], out)
	default:
		return errUsage
	}
}

// report checks an archive; its error is all that is wrong with it, a line each.
func report(file string, platforms []string) error {
	problems, err := check(file, platforms)
	if err != nil {
		return err
	}
	errs := make([]error, 0, len(problems))
	for _, problem := range problems {
		errs = append(errs, fmt.Errorf("%s: %s", file, problem))
	}
	return errors.Join(errs...)
}
