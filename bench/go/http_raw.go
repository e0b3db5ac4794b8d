// http_raw.go: the greeting on Go's net package, without a parser: each empty line in what one read
// brings is a request (bench/greeting.h). It shows what net/http's parsing adds.
package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
)

var end = []byte("\r\n\r\n")
var last = []byte("Connection: close")

const head = "HTTP/1.1 200 OK\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
const body = "Content-Length: 14\r\n\r\nHello, World!\n"
const greeting = head + body
const lastGreeting = head + "Connection: close\r\n" + body

func serve(connection net.Conn) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	var batch []byte
	for {
		got, err := connection.Read(buffer)
		if err != nil {
			return
		}
		answer := greeting
		over := bytes.Contains(buffer[:got], last)
		if over {
			answer = lastGreeting
		}
		batch = batch[:0]
		for i := bytes.Count(buffer[:got], end); i > 0; i-- {
			batch = append(batch, answer...)
		}
		if _, err := connection.Write(batch); err != nil || over {
			return
		}
	}
}

func main() {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		connection, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go serve(connection)
	}
}
