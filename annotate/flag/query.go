package flag

import (
	"errors"
	"fmt"
	"strings"

	"github.com/antlr4-go/antlr/v4"
	"github.com/diegoholiveira/jsonlogic/v3"
	"github.com/nikunjy/rules/parser"
	"github.com/thomaspoignant/go-feature-flag/modules/core/flag"
)

// maxNesting is how deep a query's parentheses or JsonLogic may be nested.
const maxNesting = 50

// checkQuery parses a query as a definition's validation does. It is stricter
// than GO Feature Flag, which takes the beginning of a query that it understands
// for the whole, and joins lines without a space between.
func checkQuery(rule *flag.Rule) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("cannot be parsed: %v", cause)
		}
	}()
	text := rule.GetTrimmedQuery()
	if nesting(text) > maxNesting {
		return fmt.Errorf("is nested deeper than %d", maxNesting)
	}
	switch {
	case text == "":
		return nil // it catches everyone
	case rule.GetQueryFormat() == flag.JSONLogicQueryFormat:
		if !jsonlogic.IsValid(strings.NewReader(text)) {
			return errors.New("is no JsonLogic, or uses an operator that is not known")
		}
		return nil
	}
	evaluator, err := parser.NewEvaluator(text)
	if err == nil {
		// What is wrong with the part that was read shows only here.
		_, err = evaluator.Process(map[string]any{})
	}
	if err != nil {
		return fmt.Errorf("is no query that GO Feature Flag reads, such as age ge 18 and country eq \"nl\": %w", err)
	}
	if rest := unread(text); rest != "" {
		return fmt.Errorf("is not read from %q on, which would have no effect; "+
			"combine with \"and\" and \"or\", and put a space at the end of a line that goes on", rest)
	}
	return nil
}

// unread returns what the parser leaves of a query, but for spaces.
func unread(text string) string {
	lexer := parser.NewJsonQueryLexer(antlr.NewInputStream(text))
	lexer.RemoveErrorListeners()
	tokens := antlr.NewCommonTokenStream(lexer, antlr.TokenDefaultChannel)
	p := parser.NewJsonQueryParser(tokens)
	p.RemoveErrorListeners()
	p.Query()
	for tokens.LA(1) == parser.JsonQueryLexerSP || tokens.LA(1) == parser.JsonQueryLexerNEWLINE {
		tokens.Consume()
	}
	next := tokens.LT(1)
	if next.GetTokenType() == antlr.TokenEOF {
		return ""
	}
	runes := []rune(text)
	return string(runes[next.GetStart():])
}

// nesting returns how deep brackets are nested, those in strings among them.
func nesting(text string) int {
	depth, deepest := 0, 0
	for _, c := range text {
		switch c {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth--
		}
	}
	return deepest
}
