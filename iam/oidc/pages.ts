import { createHash } from 'node:crypto'

/** Text that is HTML already. */
class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = string | Html | readonly Html[] | undefined

/** HTML in which every value that is not HTML itself is escaped. */
function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  return new Html(strings.map((text, i) => text + textOf(values[i])).join(''))
}

function textOf(value: Part): string {
  if (value === undefined) return ''
  if (value instanceof Html) return value.text
  if (typeof value === 'string') return escapeHtml(value)
  return value.map((one) => one.text).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

const STYLE = `body{font:1rem/1.5 system-ui,sans-serif;margin:10vh auto;max-width:22rem;padding:0 1rem}
label{display:block;margin:.75rem 0}input{box-sizing:border-box;font:inherit;padding:.4rem;width:100%}
button{font:inherit;margin:.5rem .5rem 0 0;padding:.4rem 1rem}.problem{color:#a00}`

/** Asks the browser for a security key and sends the form with its answer. Without script the button is not there. */
const SECURITY_KEY_SCRIPT = `const button=document.getElementById('use-key'),form=button.form
if(window.PublicKeyCredential&&PublicKeyCredential.parseRequestOptionsFromJSON){button.hidden=false
button.addEventListener('click',async()=>{try{const options=JSON.parse(button.dataset.options)
const key=await navigator.credentials.get({publicKey:PublicKeyCredential.parseRequestOptionsFromJSON(options)})
form.elements.securityKey.value=JSON.stringify(key.toJSON());form.requestSubmit(form.elements['key-sent'])}
catch(error){document.getElementById('key-problem').textContent='No security key was used: '+error.message}})}`

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const STYLE_HASH = hashOf(STYLE)
const SECURITY_KEY_SCRIPT_HASH = hashOf(SECURITY_KEY_SCRIPT)

/** Nothing is loaded, nothing runs but the one script that is named, nobody frames it.
 * @param formTargets where forms, and what they lead to, may go; default: only here */
export function contentSecurityPolicy(
  formTargets: readonly string[] | 'anywhere' = [],
  script?: 'securityKey',
): string {
  const scripts = script === 'securityKey' ? `script-src ${SECURITY_KEY_SCRIPT_HASH}` : 'script-src'
  const rules = [`default-src 'none'`, scripts, `style-src ${STYLE_HASH}`, `base-uri 'none'`]
  rules.push(`frame-ancestors 'none'`)
  if (formTargets !== 'anywhere') rules.push(['form-action', `'self'`, ...formTargets].join(' '))
  return rules.join(';')
}

/** The headers of every page. A policy of `no-referrer` would hide the origin of our own forms from us. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Where a browser may be sent after a form, in the words of `form-action`. */
export function formTarget(uri: unknown): string[] {
  const url = typeof uri === 'string' ? URL.parse(uri) : null
  if (!url) return []
  const target = url.origin === 'null' ? url.protocol : url.origin
  return /^[a-z][a-z0-9+.-]*:(\/\/[A-Za-z0-9.:[\]-]+)?$/.test(target) ? [target] : []
}

function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>
<style>${new Html(STYLE)}</style></head><body><h1>${title}</h1>
${body}
</body></html>
`.text
}

const problemOf = (text: string | undefined) =>
  text === undefined ? undefined : html`<p class="problem" role="alert">${text}</p>`

export function signInPage(given: {
  readonly app: string
  readonly userName: string
  readonly problem?: string
  readonly securityKeyOptions?: object
}): string {
  return page(
    'Sign in',
    html`<p>to continue to ${given.app}</p>${problemOf(given.problem)}
<form method="post">
<label>User name <input name="userName" value="${given.userName}" autocomplete="username" maxlength="128" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" maxlength="1024" required></label>
<label>Code, if you have a second factor <input name="mfaCode" autocomplete="one-time-code" maxlength="64"></label>
<button name="decision" value="allow">Sign in</button>
<button name="decision" value="deny" formnovalidate>Cancel</button>
${given.securityKeyOptions && securityKeyPart(given.securityKeyOptions)}</form>`,
  )
}

/** The button that is clicked, and the one that then sends the form without asking for a password. */
function securityKeyPart(options: object): Html {
  return html`<input name="securityKey" type="hidden">
<button id="use-key" type="button" data-options="${JSON.stringify(options)}" hidden>Use a security key</button>
<button name="decision" value="allow" id="key-sent" formnovalidate hidden>Send</button>
<p class="problem" id="key-problem" role="status"></p>
<script>${new Html(SECURITY_KEY_SCRIPT)}</script>
`
}

const SCOPES: Readonly<Record<string, string>> = {
  openid: 'know who you are',
  profile: 'see your user name',
  groups: 'see the groups you are in',
  offline_access: 'stay signed in while you are away',
}

export function consentPage(given: { readonly app: string; readonly scopes: readonly string[] }): string {
  const items = given.scopes.map((scope) => html`<li>${SCOPES[scope] ?? scope}</li>`)
  return page(
    'Allow access',
    html`<p><strong>${given.app}</strong> asks to</p><ul>${items}</ul>
<form method="post">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Refuse</button>
</form>`,
  )
}

/** @param form of oidc-provider, hidden fields only */
export function signOutPage(form: string): string {
  return page(
    'Sign out',
    html`<p>Do you want to sign out?</p>${new Html(form)}
<button type="submit" form="op.logoutForm" value="yes" name="logout">Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`,
  )
}

/** @param form of oidc-provider, with the field for the code */
export function deviceCodePage(form: string, problem: string | undefined): string {
  return page(
    'Connect a device',
    html`<p>Enter the code your device shows.</p>${problemOf(problem)}${new Html(form)}
<button type="submit" form="op.deviceInputForm">Continue</button>`,
  )
}

/** @param form of oidc-provider, hidden fields only */
export function deviceConfirmPage(form: string, given: { readonly app: string; readonly code: string }): string {
  return page(
    'Connect a device',
    html`<p>Does the device of <strong>${given.app}</strong> show this code? If not, or if you did not start this, refuse.</p>
<p><strong>${given.code}</strong></p>${new Html(form)}
<button type="submit" form="op.deviceConfirmForm">It does</button>
<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">Refuse</button>`,
  )
}

export function messagePage(title: string, text: string): string {
  return page(title, html`<p>${text}</p>`)
}
