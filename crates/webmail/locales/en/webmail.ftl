# The webmail's sentences.

skip = Skip to content
new-tab = (new tab)
error-label = Error:
warning-label = Caution:

# Login
login-title = Sign in
login-id = ID number or e-mail address
login-id-hint = Your academic ID number, or your firstname.lastname address.
login-password = Password
login-show = Show
login-hide = Hide
login-button = Sign in
login-advice = Nobody will ever ask you for your password, by e-mail or by telephone.
login-refused = The ID or the password is not right. Check both; after several tries, wait a few minutes.
login-missing = Enter your ID and your password.
login-stale = The page was open for too long. Enter your password again.
login-first = First login? Enter the temporary code of your sheet here.
login-left = You are signed out.
logout = Sign out

# First login
first-login-title = Choose your password
first-login-title-error = To be corrected – { $title }
first-login-hello = Welcome, { $name }. This is your address:
first-login-rule-length = At least { $min } characters; nothing else is required.
first-login-rule-sentence = Four or five words that have nothing to do with each other make a good password that is easy to remember.
first-login-rule-own = Avoid your name, your school, your ID number and years: they are tried first.
first-login-password = New password
first-login-again = The same once more
first-login-button = Save and open my mailbox
first-login-count = characters of
first-login-enough = It is long enough. Whether it is easily guessed is checked when you save it.
first-login-refused = This password is not good enough:
first-login-strength = Estimated strength: { $bits } of { $needed }
first-login-differs = the two entries are not the same. Enter it again.
first-login-over = This temporary code can no longer be used: it was used already, replaced, or its time is over. If you have chosen a password, sign in with it; otherwise ask the IT officer of your school.
first-login-done = Your password is saved. Use it on your telephone and in mail programs, too.
weak-short = it has { $chars } characters, { $min } are needed.
weak-long = it is too long: { $max } bytes at most.
weak-control = it has an invisible character in it, perhaps a line end.
weak-common = many people have the same one.
weak-own-words = it is made of words that point to you: your name, your school or your numbers.
weak-guessable = it is easily guessed. Add a word or two that have nothing to do with it; common words, years, repetitions and rows of keys count for little.

# Frame
search-label = Search all folders
search-hint = Search
search-button = Search
tabs-label = Quick access
tab-inbox = Inbox
compose-link = Write
unread-count = { $count ->
    [one] unread message
   *[other] unread messages
}

# Folders
folders-title = Folders
folder-inbox = Inbox
folder-drafts = Drafts
folder-sent = Sent
folder-archive = Archive
folder-junk = Junk
folder-trash = Bin

# List
list-range = { $first }–{ $last } of { $all }
list-all = Tick all
list-tick = Tick: { $subject }, { $person }
list-unread = Unread:
list-to = To:
list-nobody = (no name)
list-flagged = Follow-up
list-attachment = Attachment
list-answered = Answered
list-forwarded = Forwarded
list-empty = This folder is empty.
list-changed = A new message has arrived.
no-subject = (no subject)
bulk-label = Ticked messages
pages-label = Pages
pages-newer = ← Newer
pages-older = Older →

# Actions
action-seen = Mark read
action-unseen = Mark unread
action-flag = Follow up
action-unflag = Stop following up
action-archive = Archive
action-delete = Delete
action-delete-for-ever = Delete for ever
action-move = Move
action-move-to = Move to
action-choose = Choose a folder
action-reply = Reply
action-reply-all = Reply to all
action-forward = Forward
action-more = More actions
action-continue = Continue writing
notice-none-ticked = Tick at least one message first.
notice-no-target = Choose first which folder to move to.
notice-moved-one = The message is now in “{ $folder }”.
notice-moved = { $count } messages are now in “{ $folder }”.
notice-deleted = { $count ->
    [one] The message is deleted for ever.
   *[other] { $count } messages are deleted for ever.
}
notice-draft-deleted = The draft is deleted.
notice-sent = The message is sent.
notice-scheduled = To be sent: { $date }.
undo-button = Undo
undo-for = You can take the message back for { $seconds } seconds.
notice-sent-no-copy = The message is sent, but the copy could not be put into “Sent”.

# Message
back-to = ← { $folder }
message-newer = Newer
message-older = Older
message-from = From
message-to = To
message-cc = Copy
message-date = Date
message-to-hidden = Recipients not shown
message-poses = the name looks like an address, but it is not the sender’s.
message-files = { $count ->
    [one] 1 attachment
   *[other] { $count } attachments
}
message-text = Text of the message
message-no-text = This message holds no text.
message-cut = The message is very long: only its beginning is shown.
message-as-text = Show as plain text
message-as-html = Show with formatting
message-source = Save the whole message
file-download = Download
file-see = View
quote-show = Show quoted text
images-blocked = Remote pictures are not shown, so that the sender does not learn that you read this message.
link-elsewhere = a link shows “{ $says }” but leads to “{ $leads }”.
link-look-alike = a link leads to “{ $leads }”, a name whose letters look like others.
html-too-large = The formatting of this message is too heavy: it is shown as plain text.

# Writing
compose-title = New message
compose-title-reply = Reply
compose-title-forward = Forward
compose-title-error = To correct – { $title }
compose-errors = The message is not sent yet
compose-from = From
compose-to = To
compose-to-hint = Separate several addresses with commas.
compose-cc = Copy (Cc)
compose-bcc = Blind copy (Bcc)
compose-subject = Subject
compose-text = Message
compose-files = Attachments
compose-files-hint = At most { $limit } together.
compose-attach = Attach now
compose-remove = Remove
compose-originals = Files of the original message
compose-send = Send
compose-later = Send later
compose-later-tomorrow = Tomorrow at 8:00
compose-later-monday = Monday at 8:00
compose-later-when = Another date and time
compose-later-zone = In the time of { $zone }.
compose-later-button = Schedule
compose-later-missing = Enter the date and time at which to send.
compose-later-past = This date is past: { $date }.
compose-later-far = A message can be scheduled until { $date }.
compose-save = Save
compose-saved = Draft saved: { $date }
compose-saving = Saving the draft…
compose-discard = Discard
compose-discard-question = Delete this draft for good?
compose-discard-yes = Delete the draft
compose-discard-no = Continue writing
compose-nothing = The message is empty: there is nothing to save or to send.
compose-lost = This draft was changed, sent or deleted elsewhere. Your text is kept in a draft of its own; check its attachments.
compose-not-saved = The draft could not be saved. { $reason }
compose-offline = The draft could not be saved: the server does not answer. Your text is still on this page.
compose-nobody = Enter at least one recipient.
compose-not-an-address = This is not a complete address: { $addresses }
compose-unknown = This address does not exist: { $addresses }
compose-outside = This service does not send mail outside its domains: { $addresses }
compose-full = This mailbox is full: { $addresses }
compose-too-many-hidden = There are too many blind copies for one message. Spread them over several.
compose-too-many = A message can have at most { $max } recipients.
compose-control = This field holds a line break or an invisible character. Enter it again.
compose-not-own-address = This address is not yours.
compose-files-too-large = The attachments exceed { $limit } together. The last ones were not kept.
compose-stale = The page was from an earlier session. Read it through, then send again.
compose-session-over = Your session is over, but your text is kept here. Sign in again in another tab, then come back and send again. Files added since the last save must be attached again.
compose-log-in-again = Sign in again
quote-heading = On { $date }, { $person } wrote:
forward-heading = ---------- Forwarded message ----------
forward-from = From: { $from }
forward-date = Date: { $date }
forward-to = To: { $to }
forward-subject = Subject: { $subject }

# Scheduled messages
outbox-title = Scheduled
outbox-empty = No message is scheduled.
outbox-edit = Back to drafts
outbox-send-now = Send now
outbox-now = The message is on its way.
outbox-taken-back = Not sent: nothing has left. The message is a draft again.
outbox-too-late = Too late: the message has already left.

# Search
search-title = Search
search-title-of = Search: { $asked }
search-help = Words are looked for in all folders. To be precise: from:martin, to:durand, subject:"staff meeting".
search-results = Results for “{ $asked }”
search-nothing = No message holds all of these words.
search-cut = Only the newest messages are shown. Add a word to be more precise.

# Errors
error-title = This page cannot be shown
error-home = Back to the mail
error-not-found = This page, folder or message does not exist, or no longer.
error-stale = The request does not come from a page of this session. Go back to the mail and try again.
error-logged-out = Your session is over. Sign in again.
error-bad-request = The request was not understood.
error-too-large = That is too large.
error-too-slow = Sending took too long. Check the connection and try again.
error-busy = The service is very busy. Try again in a moment.
error-permission = You may not do that.
error-quota = The mailbox is full. Delete messages, then empty the bin.
error-internal = Something went wrong. Try again; if it persists, tell the help desk.

# Dates and sizes
date-today = today
date-yesterday = yesterday
date-at = at
date-first-suffix = { "" }
date-months-short = Jan|Feb|Mar|Apr|May|June|July|Aug|Sept|Oct|Nov|Dec
date-months = January|February|March|April|May|June|July|August|September|October|November|December
date-weekdays = Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday
decimal-mark = .
size-bytes = bytes
size-kilobytes = KB
size-megabytes = MB
