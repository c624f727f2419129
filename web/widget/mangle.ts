// Names of our own members that the build may shorten. None of them is a browser's property, a field of the protocol,
// of what is stored or told to other tabs (another build reads that), a word in words.ts or an icon's name.
const names = `
  activeAt adopt answerForm apply applyOne area around asksForPhone attach attachment banner bodyOf bubble byId
  callHint callOffer callRefused catchUp change changed claim company composer confirm continues conversation correct
  counter countUnread create current decode deliver discard drafts draw drawBanner drawLauncher drawn drawPill drop
  due early element ensure exact expand failures fields fill fillAuthor fillBody fillFailure fillMeta fit fitViewport
  follow foundNetwork fresh fromCompany fullScreen hear hearEntries hears hearSent hello hint hold inTrouble inTurn
  isAtBottom isBusy isClaiming isClosed isFirst isIdentityRefused isLast isLeading isOnline isOpen isReading isSending
  isStopped isVisible isWorking items keepEarly keepFocusInside knownIdentity lastFromCompany lastSeen launcher lead
  leads left listen listener locks lose lostNetwork make makeField makeFields makeLauncher makePanel makeThread
  markRead mayAskForPhone memory newId notSent offer opened openNew openSession outbox outOfTrouble over own panel
  pill place pressed problem queue queued readable readFailed readFailures reading readingSince readJSON readOn
  readOnce readPause readSeq received refuse refuseIdentity release rest restMs restore retryAfterMs rowsOf saved
  sendAll sendFailed sendFailures sendPause sessionChanged sessions setOpen setVisible sleep startEra startSession
  storageChanged store stored subtitle tabs take tell thread toBottom today touch trouble troubleKind troubleSince
  unread useIdentity verdict viewportRule wake wasRefused watch words work writeJSON yesterday
`;

/** For `minify.mangleProps`. */
export const ownMembers = new RegExp(`^(${names.split(/\s+/).filter(Boolean).join('|')})$`);
