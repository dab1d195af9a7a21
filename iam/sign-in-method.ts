export const signInMethods = ['password', 'password+otp', 'password+webauthn', 'webauthn'] as const
/** How a user proved itself; what `g:AuthMethod` says. */
export type SignInMethod = (typeof signInMethods)[number]

/** Two factors: of the password and something else, or of a key and who unlocked it. */
export function isMultiFactor(method: SignInMethod): boolean {
  return method !== 'password'
}
