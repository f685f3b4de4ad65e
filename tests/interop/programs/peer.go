// Go's crypto/tls as a peer: takes requests on standard input as stacks.py puts them, and answers on standard output.

// A file without a module gets the defaults of an older Go otherwise.
//go:debug default=go1.26
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

const patience = 20 * time.Second

var groups = map[string]tls.CurveID{
	"secp256r1":          tls.CurveP256,
	"secp384r1":          tls.CurveP384,
	"secp521r1":          tls.CurveP521,
	"x25519":             tls.X25519,
	"X25519MLKEM768":     tls.X25519MLKEM768,
	"SecP256r1MLKEM768":  tls.SecP256r1MLKEM768,
	"SecP384r1MLKEM1024": tls.SecP384r1MLKEM1024,
}

type request map[string]string

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		options := request{}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			options[name] = value
		}
		var err error
		if words[0] == "connect" {
			err = connect(options)
		} else {
			err = listen(options)
		}
		if err != nil {
			failed(err)
		}
	}
}

func failed(err error) {
	fmt.Println("failed", strings.ReplaceAll(err.Error(), "\n", " "))
}

func (options request) number(name string, otherwise int) int {
	if text, given := options[name]; given {
		number, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		return number
	}
	return otherwise
}

func (options request) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: "localhost"}
	if options["name"] != "" {
		config.ServerName = options["name"]
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	if options["alpn"] != "" {
		config.NextProtos = strings.Split(options["alpn"], ",")
	}
	if options["groups"] != "" {
		for _, name := range strings.Split(options["groups"], ",") {
			config.CurvePreferences = append(config.CurvePreferences, groups[name])
		}
	}
	if options["cert"] != "" {
		pair, err := tls.LoadX509KeyPair(options["cert"], options["key"])
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if options["ca"] != "" {
		pem, err := os.ReadFile(options["ca"])
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
		config.ClientCAs = config.RootCAs
	}
	switch options["auth"] {
	case "request":
		config.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

func connect(options request) error {
	config, err := options.config()
	if err != nil {
		return err
	}
	for range options.number("count", 1) {
		dialer := &net.Dialer{Timeout: patience}
		conn, err := tls.DialWithDialer(dialer, "tcp", "127.0.0.1:"+options["port"], config)
		if err != nil {
			return err
		}
		sent := payload(options.number("size", 6))
		for round := 0; round < options.number("rounds", 1) && err == nil; round++ {
			err = echoed(conn, sent)
		}
		if err == nil {
			err = end(conn)
		}
		if err == nil {
			err = report(conn, options)
		}
		conn.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// echoed sends and receives at the same time, so that neither side waits for room.
func echoed(conn *tls.Conn, sent []byte) error {
	conn.SetDeadline(time.Now().Add(patience))
	sending := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		sending <- err
	}()
	received := make([]byte, len(sent))
	if _, err := io.ReadFull(conn, received); err != nil {
		return err
	}
	if err := <-sending; err != nil {
		return err
	}
	if !bytes.Equal(received, sent) {
		return errors.New("another echo")
	}
	return nil
}

// end half-closes, and sees the other side do the same.
func end(conn *tls.Conn) error {
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	rest, err := io.ReadAll(conn)
	if err == nil && len(rest) > 0 {
		err = errors.New("more than the echo")
	}
	return err
}

func listen(options request) error {
	config, err := options.config()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	fmt.Printf("listening port=%d\n", listener.Addr().(*net.TCPAddr).Port)
	for range options.number("count", 1) {
		listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		accepted, err := listener.Accept()
		if err != nil {
			return err
		}
		conn := tls.Server(accepted, config)
		conn.SetDeadline(time.Now().Add(patience))
		if err = echo(conn); err == nil {
			err = report(conn, options)
		}
		conn.Close()
		if err != nil {
			failed(err)
		}
	}
	return nil
}

func echo(conn *tls.Conn) error {
	if err := conn.Handshake(); err != nil {
		return err
	}
	if _, err := io.Copy(conn, conn); err != nil {
		return err
	}
	return conn.CloseWrite()
}

func report(conn *tls.Conn, options request) error {
	state := conn.ConnectionState()
	words := []string{
		"done",
		"suite=" + tls.CipherSuiteName(state.CipherSuite),
		"group=" + groupName(state.CurveID),
		"alpn=" + state.NegotiatedProtocol,
		"name=" + state.ServerName,
		fmt.Sprintf("resumed=%t", state.DidResume),
	}
	if len(state.PeerCertificates) > 0 {
		words = append(words, fmt.Sprintf("peer=%x", sha256.Sum256(state.PeerCertificates[0].Raw)))
	}
	if label := options["export"]; label != "" {
		secret, err := state.ExportKeyingMaterial(label, []byte(options["context"]), 32)
		if err != nil {
			return err
		}
		words = append(words, fmt.Sprintf("exported=%x", secret))
	}
	fmt.Println(strings.Join(words, " "))
	return nil
}

func groupName(wanted tls.CurveID) string {
	for name, group := range groups {
		if group == wanted {
			return name
		}
	}
	return wanted.String()
}

func payload(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 31 % 251)
	}
	return data
}
