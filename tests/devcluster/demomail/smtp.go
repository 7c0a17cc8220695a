package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const largestMessage = 32 << 20

func smtpServer(accounts map[string]account, config *tls.Config, name string) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &submission{accounts: accounts}, nil
	}))
	server.Domain = name
	server.TLSConfig = config
	server.MaxMessageBytes = largestMessage
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	return server
}

// submission is one session of somebody who sends. What is for nobody here
// is refused.
type submission struct {
	accounts map[string]account
	login    string
	to       []account
}

var (
	errCredentials = &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Authentication failed"}
	errNotOwned    = &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Sender address rejected: not owned by user"}
	errUnknown     = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox here"}
)

func (s *submission) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *submission) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if one, ok := s.accounts[username]; !ok || one.password != password {
			return errCredentials
		}
		s.login = username
		return nil
	}), nil
}

func (s *submission) Mail(from string, _ *smtp.MailOptions) error {
	if s.login == "" {
		return smtp.ErrAuthRequired
	}
	if from != s.login {
		return errNotOwned
	}
	return nil
}

func (s *submission) Rcpt(to string, _ *smtp.RcptOptions) error {
	one, ok := s.accounts[to]
	if !ok {
		return errUnknown
	}
	s.to = append(s.to, one)
	return nil
}

func (s *submission) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, one := range s.to {
		if _, err := one.user.Append("INBOX", literal{bytes.NewReader(message)}, &imap.AppendOptions{Time: time.Now()}); err != nil {
			return err
		}
	}
	return nil
}

func (s *submission) Reset()        { s.to = nil }
func (s *submission) Logout() error { return nil }

// literal is a message as the IMAP server wants to be handed it.
type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }
