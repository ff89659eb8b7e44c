package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
)

var (
	method       = []byte("GET ")
	endOfRequest = []byte("\r\n\r\n")
	response     = []byte("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!")
)

// httpServer answers every request with the same words, one goroutine a connection, until standard input is closed. Not
// net/http: what is compared is the runtime below it, so every peer reads and answers in the same few lines.
func httpServer() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot listen:", err)
		os.Exit(1)
	}
	fmt.Println("PORT", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		connection, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "cannot accept:", err)
			os.Exit(1)
		}
		go serve(connection)
	}
}

func serve(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	filled := 0
	for {
		count, err := connection.Read(buffer[filled:])
		if err != nil {
			return
		}
		filled += count
		rest := buffer[:filled]
		for {
			end := bytes.Index(rest, endOfRequest)
			if end < 0 {
				break
			}
			if !bytes.HasPrefix(rest, method) {
				return
			}
			rest = rest[end+len(endOfRequest):]
			if _, err := connection.Write(response); err != nil {
				return
			}
		}
		filled = copy(buffer, rest)
		if filled == len(buffer) {
			return // a request longer than any that is sent here
		}
	}
}
