// Builds the site-chat widget: one classic script without dependencies, ../dist/widget/widget.js.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Names of our own members that the build may shorten. None of them is a browser's property (test/mangle.test.ts), a field
// of the protocol, of what is stored or told to other tabs (another build reads that), or is looked up by a string.
const names = `
  activeAt adopt answerForm apply applyOne area around asksForPhone attach attachment badge banner bodyOf bubble
  button byId callHint callOffer callRefused catchUp change changed channel claim closed company composer confirm
  continues conversation correct counter countUnread create current decode deliver discard drafts draw drawBanner
  drawLauncher drawPill drop due early element ensure exact expand failures field fields fill fillAuthor fillBody
  fillFailure fillMeta fit fitViewport follow foundNetwork fresh fromCompany fullScreen hear hearEntries hears
  hearSent hello hint hold inTrouble inTurn isAtEnd isBusy isClaiming isClosed isFirst isIdentityRefused isLast
  isLeading isOnline isOpen isReading isSending isStopped isVisible isWorking items keepEarly keepFocusInside
  knownIdentity lastFromCompany lastSeen launcher lead leads left listen listener lose lostNetwork make makeField
  makeFields makeLauncher makePanel makeThread markRead mayAskForPhone memory newId notSent offer opened openNew
  openSession outbox outOfTrouble over own panel pill place pressed problem queue queued readable readFailed
  readFailures reading readingSince readJSON readOn readOnce readPause readSeq received refuse refuseIdentity release
  rest restMs restore retryAfterMs rowsOf saved sendAll sendFailed sendFailures sendPause sessionChanged sessions
  setOpen setVisible sleep startEra startSession storageChanged store stored subtitle tabs take tell thread today
  toEnd touch trouble troubleKind troubleSince unread useIdentity verdict viewportRule wake wasRefused watch webLocks
  words work writeJSON yesterday
`;

export const ownMembers = new RegExp(`^(${names.split(/\s+/).filter(Boolean).join('|')})$`);

export default defineConfig({
  root: here('.'),
  publicDir: false,
  build: {
    target: 'es2020',
    // The style sheet is written for older browsers by hand; nothing is to be added to it.
    cssTarget: ['chrome123', 'firefox125', 'safari17.5'],
    rolldownOptions: { output: { minify: { mangleProps: { include: ownMembers } } } },
    outDir: here('../dist/widget'),
    emptyOutDir: true,
    lib: { entry: here('src/main.ts'), formats: ['iife'], name: 'SwitchboardChatWidget', fileName: () => 'widget.js' },
  },
  // The browser trial; the unit tests run with the rest of web/.
  test: { include: ['test/**/*.trial.ts'], testTimeout: 30_000, hookTimeout: 60_000, fileParallelism: false },
});
