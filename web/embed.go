package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built user interface; its root holds index.html, embed.html, assets and the widget.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: dist is embedded under a fixed name: " + err.Error())
	}
	return files
}

// Built reports whether the user interface was built before this binary was.
func Built() bool {
	_, err := fs.Stat(Files(), "index.html")
	return err == nil
}
