// SPDX-License-Identifier: Apache-2.0

// helm_render CHART [VALUES.json]: renders a chart as `helm template` does, with the same template
// engine and functions, for where Helm is not to be had. Releases, values, subcharts with a
// condition and NOTES.txt are as far as it goes; `lookup` finds nothing.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

type values = map[string]interface{}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(path string) values {
	text, err := os.ReadFile(path)
	die(err)
	read := values{}
	die(yaml.Unmarshal(text, &read))
	return read
}

// merged puts what is in over on top of base.
func merged(base, over values) values {
	for key, value := range over {
		inner, isMap := value.(values)
		if old, wasMap := base[key].(values); isMap && wasMap {
			base[key] = merged(old, inner)
		} else {
			base[key] = value
		}
	}
	return base
}

func functions(all *template.Template) template.FuncMap {
	made := sprig.TxtFuncMap()
	made["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	made["required"] = func(why string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(why)
		}
		return value, nil
	}
	made["fail"] = func(why string) (string, error) { return "", errors.New(why) }
	made["lookup"] = func(...string) values { return values{} }
	made["include"] = func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	return made
}

func render(chart string, given values) {
	about := load(filepath.Join(chart, "Chart.yaml"))
	data := values{
		"Values":  given,
		"Release": values{"Name": "shoal", "Namespace": "models", "Service": "Helm"},
		"Chart": values{"Name": about["name"], "Version": about["version"],
			"AppVersion": about["appVersion"]},
	}
	all := template.New(chart).Option("missingkey=zero")
	all.Funcs(functions(all))
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	die(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		die(err)
		_, err = all.New(file).Parse(string(text))
		die(err)
	}
	for _, file := range files {
		var text bytes.Buffer
		if strings.HasSuffix(file, ".tpl") {
			continue
		}
		die(all.ExecuteTemplate(&text, file, data))
		if strings.HasSuffix(file, ".txt") {
			fmt.Fprint(os.Stderr, text.String())
		} else {
			fmt.Printf("---\n# Source: %s\n%s\n", file, text.String())
		}
	}
}

func main() {
	chart := os.Args[1]
	given := load(filepath.Join(chart, "values.yaml"))
	if len(os.Args) > 2 {
		given = merged(given, load(os.Args[2]))
	}
	render(chart, given)
	children, _ := load(filepath.Join(chart, "Chart.yaml"))["dependencies"].([]interface{})
	for _, child := range children {
		name := child.(values)["name"].(string)
		mine, _ := given[name].(values)
		if mine["enabled"] == true {
			folder := filepath.Join(chart, "charts", name)
			render(folder, merged(load(filepath.Join(folder, "values.yaml")), mine))
		}
	}
}
