package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/prometheus/common/model"

	"github.com/tidemark/tidemark/internal/auth"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token and print it. It is shown this once."`
	List   tokenListCmd   `cmd:"" help:"List the tokens, without their secrets."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token. A running server knows within a second."`
}

// tokenStore is where the commands on tokens find them: whoever may write to
// the server's folder may make tokens for it.
type tokenStore struct {
	StoragePath string `name:"storage.path" default:"./data" type:"path" help:"The server's storage folder."`
}

func (s tokenStore) open(ctx context.Context) (*auth.Tokens, error) {
	return auth.OpenTokens(ctx, filepath.Join(s.StoragePath, "auth.db"))
}

type tokenCreateCmd struct {
	tokenStore
	Name string    `arg:"" help:"Who uses it, such as ci or grafana: what its writes are attributed to."`
	Role auth.Role `default:"operator" help:"evaluator (evaluates flags, for browsers and apps), viewer (reads), operator (also records changes and pushes samples) or admin."`
	For  string    `default:"" placeholder:"SPAN" help:"How long it lasts, such as 90d; forever where it is not given."`
}

// Run prints the token alone, so that it can be piped.
func (c *tokenCreateCmd) Run(ctx context.Context, io streams) error {
	var expires time.Time
	if c.For != "" {
		span, err := model.ParseDuration(c.For)
		if err != nil {
			return &exitError{codeUsage, fmt.Errorf("--for: %q is not a span such as 12h, 90d or 1y", c.For)}
		}
		expires = time.Now().Add(time.Duration(span))
	}
	tokens, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer tokens.Close()
	secret, _, err := tokens.Create(ctx, c.Name, c.Role, expires)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(io.Out, secret)
	return err
}

type tokenListCmd struct {
	tokenStore
	outputFlag
}

// Run prints a table, or a JSON object a line.
func (c *tokenListCmd) Run(ctx context.Context, io streams) error {
	tokens, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer tokens.Close()
	list, err := tokens.List(ctx)
	if err != nil {
		return err
	}
	if !c.table(io) {
		enc := json.NewEncoder(io.Out)
		for _, t := range list {
			if err := enc.Encode(t); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(io.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tCREATED\tEXPIRES")
	for _, t := range list {
		expires := "never"
		if !t.Expires.IsZero() {
			expires = t.Expires.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Name, t.Role, t.Created.Local().Format(time.DateTime), expires)
	}
	return w.Flush()
}

type tokenRevokeCmd struct {
	tokenStore
	Name string `arg:"" help:"The token's name."`
}

// Run ends the token.
func (c *tokenRevokeCmd) Run(ctx context.Context, _ streams) error {
	tokens, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer tokens.Close()
	return tokens.Revoke(ctx, c.Name)
}
