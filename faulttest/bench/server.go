package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// server is a process that the bench started and ends.
type server struct {
	cmd  *exec.Cmd
	pipe io.Closer
	addr string
	done chan struct{}
}

// startLimit runs this program as the limit, on a database of its own.
func startLimit(ctx context.Context, database string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "limit", database)
	cmd.Stderr = os.Stderr
	s := &server{cmd: cmd, done: make(chan struct{})}
	if s.pipe, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start the limit: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the limit: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the limit: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { _ = cmd.Wait(); close(s.done) }()
	if err != nil {
		return nil, errors.New("the limit did not start")
	}
	s.addr = strings.TrimSpace(line)
	return s, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop ends the process: kindly, then surely.
func (s *server) stop() {
	thaw(s.pid())
	if s.pipe != nil {
		_ = s.pipe.Close()
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	select {
	case <-s.done:
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// limitTarget posts webhooks to the limit's path.
func limitTarget(s *server, path string, chats int, live *stream) *target {
	post := func(buf []byte, chat int, number int64) []byte {
		body := hookBody(chat, idOf(number))
		buf = fmt.Appendf(buf, "POST /%s HTTP/1.1\r\nHost: limit\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, len(body))
		return append(buf, body...)
	}
	return &target{name: "limit " + path, addr: s.addr, post: post, chats: chats, stream: live}
}
