//go:build faultsteps

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// stepsLeft counts down to the moment at which this process kills itself.
var (
	faultStep, faultNth = readFaultStep(os.Getenv("SWITCHBOARD_FAULT_STEP"))
	stepsLeft           atomic.Int64
)

func init() { stepsLeft.Store(faultNth) }

// readFaultStep reads "name:nth"; nth counts from 1.
func readFaultStep(text string) (name string, nth int64) {
	name, count, _ := strings.Cut(text, ":")
	nth, err := strconv.ParseInt(count, 10, 64)
	if err != nil || nth < 1 {
		return "", 0
	}
	return name, nth
}

// step kills the process, as nothing else could have warned it, the nth time that the
// step named by SWITCHBOARD_FAULT_STEP is reached.
func step(name string) {
	if faultStep == "" || name != faultStep || stepsLeft.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // dead before the next line
}
