package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"time"

	"switchboard/web"
)

// addSizes reports the binary and what browsers load.
func (r *report) addSizes(binary string) error {
	info, err := os.Stat(binary)
	if err != nil {
		return fmt.Errorf("look at the binary: %w", err)
	}
	r.add("binary with its screens, MB", true, 40, float64(info.Size())/1e6)
	for page, bound := range map[string]float64{"embed.html": 45, "index.html": 70} {
		entry, first, err := firstScreen(page)
		if err != nil {
			return err
		}
		if page == "embed.html" {
			r.add("web: scripts of the frame's entry, kB gzip", true, bound, entry)
			continue
		}
		r.add("web: first screen of the app with styles and texts, kB gzip", true, bound, first)
	}
	return nil
}

var (
	asset    = regexp.MustCompile(`(?:src|href)="/(assets/[^"]+\.(?:js|css))"`)
	language = regexp.MustCompile("`?\"?\\./((?:ru|en)-[\\w-]+\\.js)")
)

// firstScreen gives the gzip kB of a page's scripts with the larger of its languages,
// and of all that it loads at once: those and its styles.
func firstScreen(page string) (entry, first float64, err error) {
	html, err := fs.ReadFile(web.Files(), page)
	if err != nil {
		return 0, 0, fmt.Errorf("the screens are not built: %w", err)
	}
	texts := 0.0
	for _, found := range asset.FindAllSubmatch(html, -1) {
		name := string(found[1])
		size, content, err := gzipped(name)
		if err != nil {
			return 0, 0, err
		}
		first += size
		if path.Ext(name) != ".js" {
			continue
		}
		entry += size
		for _, lazy := range language.FindAllSubmatch(content, -1) {
			size, _, err := gzipped("assets/" + string(lazy[1]))
			if err != nil {
				return 0, 0, err
			}
			texts = max(texts, size)
		}
	}
	if entry == 0 || texts == 0 {
		return 0, 0, errors.New("the screens' files are named otherwise than expected")
	}
	return entry + texts, first + texts, nil
}

func gzipped(name string) (kB float64, content []byte, err error) {
	if content, err = fs.ReadFile(web.Files(), name); err != nil {
		return 0, nil, fmt.Errorf("read a screen's file: %w", err)
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return 0, nil, fmt.Errorf("compress: %w", err)
	}
	_, err = w.Write(content)
	err = errors.Join(err, w.Close())
	return float64(out.Len()) / 1000, content, err
}

// streamsOfMemory is how many live connections are opened to learn what one costs; an
// employee may have 64.
const streamsOfMemory = 250

// perConnection gives the KiB of one live connection.
func (r *rig) perConnection(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cookies := r.product.everybody
	before := memory(r.product.server.pid())
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 0}}
	for i := range streamsOfMemory {
		req, err := r.product.liveRequest(ctx, cookies[i%len(cookies)])
		if err != nil {
			return 0, err
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, fmt.Errorf("open live connection %d: %w", i, err)
		}
		defer res.Body.Close() //nolint:revive // all at the end
		if res.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("open live connection %d: %s", i, res.Status)
		}
	}
	time.Sleep(500 * time.Millisecond) // buffers are made at the first frame or beat
	return (memory(r.product.server.pid()) - before) * 1024 / streamsOfMemory, nil
}
