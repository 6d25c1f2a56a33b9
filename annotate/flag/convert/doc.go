// Package convert turns the flag files of flagd, Unleash and LaunchDarkly into
// definitions in GO Feature Flag's format, and writes that format for those who
// leave. It does no I/O.
//
// A converted flag answers everybody as the source did, or a remark says who
// gets another answer. A flag for which no remark could make that good is left
// out, and a remark says why.
package convert
