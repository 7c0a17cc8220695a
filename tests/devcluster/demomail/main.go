// Command demomail is the demo's mail server: IMAP and SMTP over TLS and
// STARTTLS, all mail in memory, certificates from a CA that it makes itself.
package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demomail:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1", "address to listen on")
	name := flag.String("name", "localhost", "host name that the certificate is made out to")
	caDir := flag.String("ca-dir", "", "where to write ca.pem (required)")
	usersFile := flag.String("users-file", "", "JSON object of passwords by address (required)")
	imaps := flag.Int("imaps", 993, "port of IMAP over TLS")
	imapPort := flag.Int("imap", 143, "port of IMAP with STARTTLS")
	smtps := flag.Int("submissions", 465, "port of submission over TLS")
	smtpPort := flag.Int("submission", 587, "port of submission with STARTTLS")
	flag.Parse()
	if *caDir == "" || *usersFile == "" {
		return errors.New("--ca-dir and --users-file are required")
	}
	accounts, err := readAccounts(*usersFile)
	if err != nil {
		return err
	}
	certificate, ca, err := makeCertificate(*name, net.ParseIP(*listen))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*caDir, "ca.pem"), ca, 0o644); err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	ended := make(chan error)
	receive, submit := imapServer(accounts, config), smtpServer(accounts, config, *name)
	for _, door := range []struct {
		port  int
		tls   bool
		serve func(net.Listener) error
	}{{*imaps, true, receive.Serve}, {*imapPort, false, receive.Serve}, {*smtps, true, submit.Serve}, {*smtpPort, false, submit.Serve}} {
		listener, err := net.Listen("tcp", net.JoinHostPort(*listen, fmt.Sprint(door.port)))
		if err != nil {
			return err
		}
		if door.tls {
			listener = tls.NewListener(listener, config)
		}
		go func() { ended <- door.serve(listener) }()
	}
	fmt.Println("ready on", *listen)
	return <-ended
}

// account is one mailbox and its password.
type account struct {
	user     *imapmemserver.User
	password string
}

func readAccounts(path string) (map[string]account, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	passwords := map[string]string{}
	if err := json.Unmarshal(text, &passwords); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	accounts := map[string]account{}
	for address, password := range passwords {
		user := imapmemserver.NewUser(address, password)
		for _, folder := range []string{"INBOX", "Sent", "Junk"} {
			if err := user.Create(folder, nil); err != nil {
				return nil, err
			}
		}
		accounts[address] = account{user: user, password: password}
	}
	return accounts, nil
}

func imapServer(accounts map[string]account, config *tls.Config) *imapserver.Server {
	memory := imapmemserver.New()
	for _, one := range accounts {
		memory.AddUser(one.user)
	}
	return imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps:      imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		TLSConfig: config,
	})
}
