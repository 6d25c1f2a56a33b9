/** Whether a text is a duration as Prometheus writes it, such as `15s` or `1h30m`. */
export function isDuration(text: string): boolean {
  return /^(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/.test(text);
}
