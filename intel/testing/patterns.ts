/** Patterns that are ones, after the examples and grammar of STIX 2.1, 9. */
export const goodPatterns: readonly string[] = [
  "[ipv4-addr:value = '198.51.100.1']",
  "[ ipv4-addr : value == '198.51.100.1' ]",
  "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
  "[file:hashes.'SHA-256' = 'aec070645fe53ee3b3763059376134f058cc337247c978add178b6ccdfb0019f']",
  "[file:hashes.MD5 = '79054025255fb1a26e4bc422aef54eb4' OR file:name = 'foo.exe']",
  "[domain-name:value IN ('a.example', 'b.example')]",
  "[email-message:from_ref.value = 'jane@bad.example' AND email-message:body_multipart[*].body_raw_ref.name MATCHES '^Final Report.+\\\\.exe$']",
  "[user-account:account_type = 'unix' AND user-account:is_privileged = true] AND [file:size > 25]",
  "[artifact:mime_type = 'application/vnd.tcpdump.pcap'] FOLLOWEDBY [network-traffic:dst_port = 443] WITHIN 300 SECONDS",
  "([file:name = 'pdf.exe'] OR [file:name = 'x.exe']) REPEATS 5 TIMES WITHIN 1800 SECONDS",
  "[url:value LIKE 'http://bad.example/%']",
  "[file:name NOT LIKE 'x%'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
  "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x']",
  "[file:name = 'it\\'s'] /* said */ OR [file:size != -1.5]",
  '[EXISTS file:name]',
  "[process:binary_ref.name IN ('a', 'b') AND (process:pid = 1 OR process:pid = 2)]",
  "[file:content_bin = b'YWJj' OR file:magic_number_hex = h'ffd8']",
]

/** Patterns that are none. */
export const badPatterns: readonly string[] = [
  '',
  'evil.example',
  '[]',
  "[ipv4-addr:value = '198.51.100.1'",
  "ipv4-addr:value = '198.51.100.1'",
  "[ipv4-addr = '198.51.100.1']",
  "[ipv4-addr:value '198.51.100.1']",
  '[ipv4-addr:value = "198.51.100.1"]',
  "[ipv4-addr:value = '198.51.100.1' AND]",
  "[file:name = 'a'] WITHIN SECONDS",
  "[file:name = 'a'] [file:name = 'b']",
  "[file:name IN 'a']",
  "[file:name = 'a']]",
  "[file:name = 'a' FOLLOWEDBY file:name = 'b']",
  "[file:name = 'unended]",
]
