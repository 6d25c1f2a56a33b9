package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// readInto reads the body of r as a T, and refuses fields that T does not have.
// bare says that the body may be left out.
func readInto[T any](s *Server, r *http.Request, bare bool) (T, error) {
	var into T
	if bare && (r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0) {
		return into, nil
	}
	body, err := s.bodies.read(r)
	if err != nil {
		return into, err
	}
	if int64(len(body)) > s.limits.ChangeBytes {
		return into, tooLarge(s.limits.ChangeBytes)
	}
	if bare && len(bytes.TrimSpace(body)) == 0 {
		return into, nil
	}
	if _, err := s.bodies.parse(body); err != nil {
		return into, err // it says where it is no JSON, or no object
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&into); err != nil {
		return into, misread(err, fieldsOf(reflect.TypeFor[T]()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return into, newProblem(http.StatusBadRequest, "the body has more after the JSON object")
	}
	return into, nil
}

// misread says what is wrong with JSON whose form is right.
func misread(err error, known []string) error {
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return faulty(Fault{Message: "is no field here; there are " + strings.Join(known, ", "), Location: "body." + name})
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return faulty(Fault{Message: fmt.Sprintf("is a %s, and must be %s", e.Value, jsonKind(e.Type)), Location: "body" + jsonPath(e.Field)})
	}
	return faulty(Fault{Message: "cannot be read: " + err.Error(), Location: "body"})
}

// jsonPath is a path as the sender wrote it: embedded structs, which JSON knows
// nothing of, stand in it with their Go names.
func jsonPath(field string) (path string) {
	for name := range strings.SplitSeq(field, ".") {
		if name != "" && (name[0] < 'A' || name[0] > 'Z') {
			path += "." + name
		}
	}
	return path
}

// jsonKind is what JSON calls a type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Pointer:
		return jsonKind(t.Elem())
	default:
		return "a number"
	}
}

// fieldsOf returns the names of the JSON fields of a struct.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			names = append(names, fieldsOf(field.Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}
