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
messages-count = { $count ->
    [one] 1 message
   *[other] { $count } messages
}
list-all = Tick all
list-tick = Tick: { $subject }, { $person }
list-unread = Unread:
list-to = To:
list-nobody = (no name)
list-no-recipient = (no recipient)
list-flagged = Follow-up
list-attachment = Attachment
list-answered = Answered
list-forwarded = Forwarded
list-leaving = your account will be deleted on { $day }. Until then it receives mail and can be read, but nothing in it can be changed or sent: take along what is yours.
list-locked = your password was replaced on your identity alone: mail that came before stays closed, and mail programs too, until the IT officer of your school confirms that it is you.
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
message-others = and { $count } others
message-to-hidden = Recipients not shown
message-poses = the name looks like an address, but it is not the sender’s.
message-files = { $count ->
    [one] 1 attachment
   *[other] { $count } attachments
}
message-text = Text of the message
message-no-text = This message contains no text.
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
compose-files-hint = At most { $limit } in all.
compose-attach = Attach now
compose-remove = Remove
compose-originals = Files of the original message
compose-send = Send
compose-later = Send later
compose-later-tomorrow = Tomorrow at 8:00
compose-later-monday = Monday at 8:00
compose-later-when = Another date and time
compose-later-zone = Time zone: { $zone }
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
compose-on-hold = Your password has just been replaced: until { $until }, you can write to fifty recipients a day.
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

# Address book
contacts-title = Address book
contacts-tab = Contacts
contacts-search = Find a person or a group
contacts-search-hint = Name or group
contacts-count = { $count ->
    [one] 1 contact
   *[other] { $count } contacts
}
contacts-groups = Groups
contacts-own = Personal contacts
contacts-staff = Directory of the authority
contacts-staff-hint = Look for a name, an address or a school’s code to find a colleague.
contacts-staff-none = Nobody in the directory matches.
contacts-staff-cut = Only the first people are shown. Add a word to be more precise.
contacts-empty = You have no personal contacts yet.
contacts-none-found = No personal contact matches.
contacts-write = Write
contacts-write-hidden = As blind copies
contacts-add = Add to contacts
contacts-before = ← Previous
contacts-after = Next →
contacts-keep = Keep it
contacts-members = { $count ->
    [one] 1 person
   *[other] { $count } people
}
contacts-full = The address book is full. Delete contacts or groups.
contacts-suggestions = Suggestions
import-title = Import or export
import-file = File of contacts
import-hint = A vCard file (.vcf), or a CSV file whose first line names its columns; at most { $limit }.
import-button = Import
import-added = { $count ->
    [0] No contact was added.
    [one] 1 contact was added.
   *[other] { $count } contacts were added.
}
import-known = { $count ->
    [one] 1 was there already.
   *[other] { $count } were there already.
}
import-refused = { $count ->
    [one] 1 card or line was not taken
   *[other] { $count } cards or lines were not taken
}
import-line = No. { $number }: { $reason }
import-line-of = No. { $number }, { $text }: { $reason }
import-version = only versions 3 and 4 of vCard are read.
import-address = an address is not complete.
import-cut = the card has no end.
import-too-many = the rest of the file is too long and was not read.
import-too-large = a field is too long, or there are too many addresses or numbers.
import-empty = neither name nor address.
import-columns = the first line names no known column (name, addresses…).
import-groups-full = there is no room for this group.
export-title = Export my address book
export-vcard = vCard 3
export-vcard-4 = vCard 4
export-csv = CSV
contact-title = Contact
contact-title-new = New contact
contact-errors = The contact is not saved yet
contact-name = Name
contact-organization = School or class
contact-addresses = Mail addresses
contact-addresses-hint = One address a line, for example those of both parents.
contact-phones = Telephones
contact-phones-hint = One number a line.
contact-notes = Notes
contact-saved = The contact is saved.
contact-deleted = The contact is deleted.
contact-delete-question = Delete this contact for good?
contact-nothing = Enter a name or an address.
contact-too-long = This is too long: at most { $max } characters.
contact-too-many = At most { $max }, one a line.
group-title = Group
group-title-new = New group
group-name = Name of the group
group-members = Members
group-hint = A message to the group goes to all addresses of everybody in it.
group-no-contacts = Add contacts first: a group brings them together.
group-no-name = Give the group a name.
group-saved = The group is saved.
group-deleted = The group is deleted; its contacts stay.
group-delete-question = Delete this group? Its contacts stay.

# Search
search-title = Search
search-title-of = Search: { $asked }
search-help = Words are looked for in all folders. To be precise: from:martin, to:durand, subject:"staff meeting".
search-results = Results for “{ $asked }”
search-nothing = No message contains all of these words.
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
error-leaving = Your account is about to be deleted: it can be read, but nothing in it can be changed or sent any more.
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

# Account security
title-error = To correct – { $title }
security-link = Account security
security-title = Account security
security-back = ← Account security
security-open-title = Change these settings
security-open-hint = So that nobody changes them in your place, type your password. It is valid for ten minutes.
security-own-password = Your password
security-open = Unlock
security-open-first = Type your password first: the ten minutes are over.
security-wrong-password = That is not your current password.
security-too-many = Too many tries. Wait a few minutes.
security-on-hold = Your password has just been replaced: ways back in do not change before { $until }.
security-password-title = Password
security-password-rules = At least 12 characters. A short sentence does very well; no special characters are required. Your other sessions close and your mail programs have to sign in again.
security-current = Current password
security-new = New password
security-again = New password, once more
security-change = Change the password
security-not-alike = You typed the new password in two different ways.
security-password-refused = That password is too short or too simple. Choose at least 12 characters, for example a short sentence.
security-password-changed = Your password is changed. All other sessions are closed.
security-not-an-address = That is not an e-mail address.
security-too-many-codes = Five codes were sent today already. Try again tomorrow.
security-code-sent = A code has been sent to that address. Type it within ten minutes.
security-code-wrong = That is not the right code.
security-code-gone = That code is no longer valid. Remove the address and add it again to get another.
security-recovery-refused = That address cannot be used: give a personal address, outside this mail service, that is not in the list already (three at most).
security-recovery-proven = The recovery address is verified.
security-recovery-removed = The recovery address is removed.
security-device-refused = Give the device a short name. An account has twenty app passwords at most.
security-device-removed = The device no longer has access to your mail.
security-factor-off = Two-step verification is off.
security-sessions-ended = The sessions are closed.
factor-title = Two-step verification
factor-off = Off. An app on your phone will give a code for each sign-in: a stolen password is no longer enough.
factor-on = On since: { $since }.
factor-codes-left = { $count ->
    [0] You have no recovery codes left.
    [one] You have one recovery code left.
   *[other] You have { $count } recovery codes left.
}
factor-start = Turn on
factor-stop = Turn off
factor-renew = Make new recovery codes
factor-step-app = Open an authenticator app on your phone (FreeOTP, Aegis, Google Authenticator…).
factor-step-scan = Add an account and point the camera at this drawing.
factor-qr = QR code to be read with the authenticator app
factor-type = No camera? Type this key into the app:
factor-step-code = Type the six-digit code that the app shows.
factor-code = Six-digit code
factor-turn-on = Turn on
devices-title = App passwords
devices-hint = One for each phone or mail program. If you lose the device, remove its line: the rest goes on. With two-step verification, mail programs accept only these.
device-created = Made: { $date }.
device-used = Last used: { $date }.
device-unused = Never used.
device-revoke = Remove
device-name = Name of the device
device-name-example = Phone, Thunderbird at work…
device-add = Make a password
device-own-password = main password
device-revoked = removed device
recovery-title = Recovery addresses
recovery-hint = If you lose your password, a code is sent there. Give a personal address that you read.
recovery-proven = Verified.
recovery-doubted = Verified shortly before your password was replaced: no code is sent there. If it is yours, remove it and add it again.
recovery-unproven = To be verified: type the code you received at this address.
recovery-code = Code you received
recovery-prove = Verify
recovery-remove = Remove
recovery-address = New recovery address
recovery-add = Send a code
sessions-title = Sessions and connected devices
session-place = { $peer }, since: { $date }
session-this = This session
session-end = Close
sessions-end-others = Close all other sessions
connection-imap = Mail program ({ $program })
connections-hint = To cut a mail program off, remove its app password or change your password.
browser-unknown = unknown browser
logins-title = Recent access
logins-hint = Successful access, to within an hour. The number is the internet address it came from.
login-by-webmail = Webmail
login-by-imap = Reading with a program ({ $program })
login-by-submission = Sending with a program ({ $program })
login-place = { $peer }, { $date }
alarm-question = Something you do not recognise?
alarm-link = This was not me
alarm-title = This was not me
alarm-text = Choose a new password. All sessions are closed and all app passwords removed: nothing that opened your account opens it any longer. Your recovery addresses are removed as well, and told so; if an IT officer has just helped you, they stay for three days. Then add your own again and tell your IT officer.
alarm-button = Close everything and change the password
alarm-done = Done. Nothing that opened your account opens it any longer. Now add your recovery addresses again, and remove those that are not yours.
once-device-title = App password
once-codes-title = Recovery codes
once-warning = this page will not be shown again. Note what follows before you leave it.
once-device = In “{ $name }”, type this password instead of your own:
once-user = User
once-imap = Incoming (IMAP)
once-smtp = Outgoing (SMTP)
once-codes = Each code stands in for the app once, for example when you lose your phone. Print them and keep them in a safe place.
once-done = I have noted it
step-title = Verification
step-code = Verification code
step-code-hint = The six-digit code of your app, or a recovery code.
step-button = Verify
step-wrong = That is not the right code. Wait for the next one and type it soon.
step-too-many = Too many tries. Wait a few minutes, or type a recovery code. After twenty tries in a day it takes a recovery code, or the next day.
step-back = Back to the sign-in

# Letters about the account
letter-hello = Hello,
letter-end = This happened on { $date }, from the internet address { $peer }.

    If it was not you: sign in at { $site }, open “Account security”, then “This was not me”, and tell your IT officer. Nobody will ever ask you for your password or a code.
letter-end-console = This happened on { $date }, by the IT department.

    If you know nothing of it, tell your IT officer. Nobody will ever ask you for your password or a code.
letter-recovery-code-subject = { $product }: your code to verify this address
letter-recovery-code = This address was named as a recovery address of the account { $account }.

    Code: { $code }

    It is valid for ten minutes. Type it on the page from which you asked for it.
letter-reset-code-subject = { $product }: your code for a new password
letter-reset-code = A new password was asked for the account { $account }.

    Code: { $code }

    It is valid for ten minutes, in the browser from which it was asked for. Give it to nobody.
letter-password-changed-subject = { $product }: password changed
letter-password-changed = The password of the account { $account } was changed.
letter-password-reset-subject = { $product }: password replaced
letter-password-reset = The password of the account { $account } was replaced after it had been reported lost. All sessions and all app passwords are closed.
letter-recovery-changed-subject = { $product }: recovery addresses changed
letter-recovery-changed = The recovery addresses of the account { $account } have changed: { $about }.
letter-factor-on-subject = { $product }: two-step verification is on
letter-factor-on = Two-step verification of the account { $account } is on.
letter-factor-off-subject = { $product }: two-step verification is off
letter-factor-off = Two-step verification of the account { $account } is off.
letter-factor-code-subject = { $product }: recovery code used
letter-factor-code = A recovery code stood in for two-step verification of the account { $account }.
letter-app-password-subject = { $product }: new app password
letter-app-password = An app password was made for the account { $account }: { $about }.
letter-reset-asked-subject = { $product }: new password asked for
letter-reset-asked = A new password was asked for the account { $account }. Your IT officer will make sure who asks before going on.

# Lost password
forgotten-link = Lost password
forgotten-title = Lost password
forgotten-name = First and last name
forgotten-id = ID number
forgotten-id-hint = It is on your sheet. Have you lost it? Ask the IT officer of your school.
forgotten-born = Date of birth (optional)
forgotten-born-hint = Day, month, year: for example 21 3 1985.
forgotten-day = Day
forgotten-month = Month
forgotten-year = Year
forgotten-date = That date of birth does not exist: give day, month and year in digits, or leave all three fields empty.
forgotten-without = Continue without a code
forgotten-without-hint = In some schools your identity is enough: fill in the form with your date of birth from the school, come back and fill it in again a day later, then continue without a code.
forgotten-not-yet = Without a code this is not possible, or not yet. Ask the IT officer of your school.
forgotten-next = Continue
forgotten-missing = Type your name and your ID number.
forgotten-stale = The page had been open for too long. Check it and continue.
forgotten-told = If this belongs to an account, you have been told what comes next: a code has gone to the account’s recovery address or, if there is none, ask the IT officer of your school.
forgotten-code = Code you received
forgotten-code-refused = That code is not right, or no longer valid. It is valid for ten minutes, in this browser, for five tries.
forgotten-new-title = New password
forgotten-over = The time is over, or no code was typed. Start again from the beginning.
forgotten-done = Your password is replaced. Sign in with the new one.

# Help desk
desk-link = Help desk
desk-title = Help desk
desk-unit = The people of your school: { $unit }.
desk-everybody = The people of all schools.
desk-waiting = Requests for a password
desk-nobody-waits = Nobody is waiting.
desk-asked = Request received: { $date }
desk-open = Open
desk-find = Find a person
desk-name = First or last name, or academic ID
desk-found-nobody = Nobody of that name in your school.
desk-found-nobody-anywhere = Nobody of that name.
desk-id-unknown = Nobody whom you help has this academic ID.
desk-factor-first = This page needs two-step verification. Turn it on first under “Account security”.
desk-person = Account
desk-address = Address
desk-state = State
desk-state-first = Waiting for its first sign-in
desk-state-active = In use
desk-state-other = Closed
desk-by-webmail = Last access, webmail
desk-by-imap = Last access, reading
desk-by-submission = Last access, sending
desk-help = Lost password
desk-check = First make sure who you are talking to: face to face, or by calling back the number in the staff file. You neither see nor choose the password.
desk-reason = How did you make sure who it is?
desk-reason-example = Seen face to face, staff card
stop-title = Request for a new password
stop-text = A new password was requested for your account. If it was not you, stop the request: your password stays the one you know.
stop-button = Stop the request
stop-done = The request is stopped; your password has not changed. Tell your IT officer if you know nothing of it.
stop-nothing = This link stops nothing any more: the request has ended already, or another one has replaced it.
desk-reason-missing = Say how you made sure who it is, or why you refuse.
desk-issue = Hand out an activation code
desk-refuse = Refuse the request
desk-unlock = Unlock
desk-unlocked = Unlocked: codes sent to the recovery address count again, and old mail is open.
desk-identity = Identity alone will be enough to choose a new password from: { $date }. Refuse the request if it does not come from this person.
desk-refused = The request is refused; the person is told.
desk-takes-two = The code of an IT officer or administrator takes the agreement of two administrators, within a day.
desk-agreed = Your agreement counts for a day. Another administrator will hand the code out.
desk-agreed-yourself = You have agreed. Another administrator must hand the code out.
desk-agreed-by = { $name } has agreed: yours gives the code.
desk-code = Give this code to { $name }. It is valid for one day and once: at { $site }, “Lost password”, name and ID number, then this code.
letter-reset-approved-subject = { $product }: activation code handed out
letter-reset-approved = An activation code to choose a new password of the account { $account } was handed out by { $about }.
letter-identity-begun-subject = { $product }: your password will be replaced in a day
letter-identity-begun = A new password was requested for the account { $account }, with your name, your number and your date of birth. It can be chosen in twenty-four hours; until then, the old one stays valid.

    If it was not you, stop the request: sign in, or open this link and confirm.

    { $site }/mot-de-passe-oublie/annuler?lien={ $link }
letter-officer-asked-subject = { $product }: { $about } asks for a password
letter-officer-asked = { $about } ({ $account }) has lost their password and waits for your help. Make sure who it is, then open “Help desk” at { $site }.
letter-officer-identity-subject = { $product }: password of { $about } soon replaced
letter-officer-identity = A new password was requested for { $about } ({ $account }) with name, number and date of birth. It can be chosen in twenty-four hours.

    If you doubt the request, refuse it in “Help desk” at { $site }.
letter-officer-reset-subject = { $product }: password of { $about } replaced
letter-officer-reset = The password of { $about } ({ $account }) was replaced after it had been reported lost. For three days, sending is limited and recovery addresses cannot change. If the person knows nothing of it, tell the IT department at once.
letter-identity-closed-subject = { $product }: resets by identity closed everywhere
letter-identity-closed = Too many wrong dates of birth were tried. Resets by name, number and date of birth are closed for all schools until an administrator opens them again. Look at the audit log first.
letter-factors-wrong-subject = { $product }: many wrong verification codes
letter-factors-wrong = Twenty wrong verification codes were typed today for the account { $account }, each time after the right password. Until tomorrow only your recovery codes are taken.

    If it was not you, somebody knows your password: change it.
letter-it-department = the IT department
letter-end-helper = This happened on { $date }. Nobody will ever ask you for your password or a code.
letter-reset-refused-subject = { $product }: request for a password refused
letter-reset-refused = The request for a new password of the account { $account } was refused.

# Lost ID
lost-id-link = Lost ID
lost-id-title = Lost ID
lost-id-text = The IT officer of your school can read your ID number out to you, after making sure who you are.
lost-id-school = Name or code of your school
lost-id-find = Find the officer
lost-id-nothing = No school of that name.
lost-id-no-contact = Ask the secretary’s office of the school.
lost-id-cut = Only the first schools are shown. Be more precise.
