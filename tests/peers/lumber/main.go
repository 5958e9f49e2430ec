// Both ends of go-lumber, the library that Elastic's Beats speak with, for the tests.
//
//	lumber serve             prints what comes, a JSON document a line, and acknowledges it
//	lumber count             acknowledges what comes and prints how much it was, a line a batch: for measurements
//	lumber send HOST:PORT    sends the lines of its standard input as messages, two windows at once
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"

	client "github.com/elastic/go-lumber/client/v2"
	"github.com/elastic/go-lumber/server"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "serve":
		err = serve(true)
	case len(os.Args) == 2 && os.Args[1] == "count":
		err = serve(false)
	case len(os.Args) == 3 && os.Args[1] == "send":
		err = send(os.Args[2])
	default:
		err = fmt.Errorf("usage: lumber serve | lumber count | lumber send HOST:PORT")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(print bool) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	lumber, err := server.NewWithListener(listener, server.V2(true))
	if err != nil {
		return err
	}
	fmt.Printf("listening address=%s\n", listener.Addr())
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	count := 0
	for batch := range lumber.ReceiveChan() {
		if !print {
			count += len(batch.Events)
			batch.ACK()
			fmt.Printf("received=%d\n", count)
			continue
		}
		for _, event := range batch.Events {
			if err := encoder.Encode(event); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		batch.ACK()
	}
	return nil
}

func send(address string) error {
	lumber, err := client.AsyncDial(address, 2, client.CompressionLevel(3))
	if err != nil {
		return err
	}
	answers := make(chan error)
	windows, count := 0, 0
	flush := func(events []interface{}) error {
		windows++
		count += len(events)
		return lumber.Send(func(seq uint32, err error) {
			if err == nil && int(seq) != len(events) {
				err = fmt.Errorf("%d of %d events acknowledged", seq, len(events))
			}
			// The library must not be held up.
			go func() { answers <- err }()
		}, events)
	}
	var events []interface{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		events = append(events, map[string]string{"message": lines.Text()})
		if len(events) == 500 {
			if err := flush(events); err != nil {
				return err
			}
			events = nil
		}
	}
	if len(events) > 0 {
		if err := flush(events); err != nil {
			return err
		}
	}
	for ; windows > 0; windows-- {
		if err := <-answers; err != nil {
			return err
		}
	}
	fmt.Printf("acknowledged=%d\n", count)
	return lumber.Close()
}
