package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// ticksPerSecond is what Linux counts CPU time in (USER_HZ).
const ticksPerSecond = 100

// stat is what /proc tells about a process.
type stat struct {
	parent    int
	cpu, dead float64 // seconds: its own, and of its children that ended
}

func statOf(pid int) (stat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, fmt.Errorf("read CPU time: %w", err)
	}
	end := bytes.LastIndexByte(text, ')')
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 15 {
		return stat{}, errors.New("read CPU time: unknown form")
	}
	n := make([]float64, 15)
	for i := range n {
		n[i], _ = strconv.ParseFloat(fields[i], 64) // letters are not used
	}
	return stat{parent: int(n[1]), cpu: (n[11] + n[12]) / ticksPerSecond, dead: (n[13] + n[14]) / ticksPerSecond}, nil
}

// cpuOf gives the CPU seconds of a process.
func cpuOf(pid int) float64 {
	s, err := statOf(pid)
	if err != nil {
		return 0
	}
	return s.cpu
}

// family gives the CPU seconds of a process and its children, dead ones included.
func family(pid int) float64 {
	if pid == 0 {
		return 0
	}
	own, err := statOf(pid)
	if err != nil {
		return 0
	}
	sum := own.cpu + own.dead
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		child, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if s, err := statOf(child); err == nil && s.parent == pid {
			sum += s.cpu
		}
	}
	return sum
}

// serverPID finds the main process of a PostgreSQL on this machine, 0 when it is none.
func serverPID(ctx context.Context, url string) int {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0
	}
	defer conn.Close(ctx)
	var pid int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return 0
	}
	s, err := statOf(pid)
	if err != nil {
		return 0
	}
	return s.parent
}

// memory gives a process's resident and private memory, in MiB.
func memory(pid int) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

// freeze stops a process while another is measured; thaw lets it go on.
func freeze(pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) }
func thaw(pid int)   { _ = syscall.Kill(pid, syscall.SIGCONT) }
