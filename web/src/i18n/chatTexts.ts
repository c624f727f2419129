// Texts that only settings and sign-in screens use are left out of the CRM frame's language files.
const leftOut = [
  'channel.',
  'channels.',
  'connect.',
  'count.',
  'crm.',
  'difference.',
  'employee.',
  'employees.',
  'integration.',
  'invitation.',
  'invite.',
  'me.',
  'nav.',
  'password',
  'pipeline',
  'receives',
  'role.',
  'roles.',
  'setUp.',
  'settings.',
  'signIn',
  'signOut',
  'stage',
  'telegram.',
  'theme',
  'webchat.',
];

/** Whether the chat window in a CRM frame may use a text. */
export function isChatText(key: string): boolean {
  return !leftOut.some((start) => key.startsWith(start));
}
