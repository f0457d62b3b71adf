
# Foot of every page
foot-label = About this service
foot-help = Help
foot-accessibility = Accessibility: { $state ->
    [full] fully compliant
    [partial] partially compliant
   *[not] not compliant
}
foot-legal = Legal notice
foot-data = Personal data
page-home = ← Back to your mail
notice-missing = (not yet given by the operator of this service)

# Help
help-title = Help
help-contents = Contents
help-first-title = First sign-in
help-first-text = The IT department gave you a sheet with your address, your academic ID and a temporary code.
help-first-steps =
    On the sign-in page, type your academic ID or your address, then the temporary code in place of the password.
    Choose your password: twelve characters at least. Four or five unrelated words do very well.
    Your mailbox opens. The temporary code is of no more use: destroy the sheet or put it away.
    Add a recovery address in “Account security”: it gives you access again if you forget your password.
help-first-link = Sign in
help-password-title = Lost password
help-password-text = Nobody can give you your password back, but you can choose another.
help-password-steps =
    On the sign-in page, follow “Lost password”. Give your name and your academic ID.
    If you had verified a recovery address, a code arrives there within minutes. Otherwise ask the IT officer of your school, who checks who you are and hands you an activation code.
    Type the code, then choose a new password.
    All your sessions are closed. Type the new password on your phone and in your mail programs.
help-password-link = Lost password
help-id-title = Lost ID
help-id-text = Your academic ID is on the sheet that was handed to you. It is shown nowhere on this site, so that nobody can look for it in your place.
help-id-steps =
    Follow “Lost ID” and look for your school by its name or code.
    Ask the person named there, who reads your ID out to you after checking who you are.
help-id-link = Lost ID
help-contacts-title = Address book
help-contacts-text = The book holds your own contacts, your groups and the directory of all staff.
help-contacts-steps =
    To find a colleague, search for the name, the address or the code of the school.
    A contact may have several addresses, for example those of both parents of a pupil.
    A group writes to all addresses of its members. “As blind copies” keeps recipients from seeing each other’s addresses.
    When you write, the first letters of a name are enough: suggestions appear.
    “Import or export” reads and writes the vCard and CSV files of another mail service.
help-contacts-link = Open the address book
help-phone-title = Phone and mail programs
help-phone-text = Your address and a password are enough: settings are found by themselves.
help-phone-steps =
    Open “Phone and mail programs” in the menu under your name, and point the phone’s camera at the drawing.
    On an iPhone or iPad, download the profile and install it in Settings. On Android, add an “IMAP” account with your address.
    It is best to create an app password in “Account security”. If you lose the phone you remove it, and all the rest goes on.
    With two-step verification, an app password is required.
help-phone-link = Set up a phone or a program
help-safety-title = If something worries you
help-safety-text = A strange message, a sign-in you do not recognise, a password given away by mistake: act at once.
help-safety-steps =
    Open neither the link nor the attachment. Nobody will ever ask you for your password or a code.
    In “Account security”, look at the recent access. “This was not me” closes everything and changes your password.
    Tell the IT officer of your school.
help-safety-link = Account security
help-officer-title = IT officers
help-officer-text = The help desk is open only to officers of a school who have turned two-step verification on, and only for the people of that school; to administrators, for everybody. It gives access neither to messages nor to passwords.
help-officer-steps =
    Open “Help desk” in the menu under your name. Requests for a password wait at the top; the search finds a person by name.
    Check who is speaking: in person, or by calling back the number in the staff file.
    Read the academic ID out, or hand over an activation code, which is shown once and is good for a day.
    Write down how you checked the identity. Every act goes into a log.
help-officer-link = Open the help desk
help-support-title = A question without an answer here
help-support-text = Support: { $support }

# Accessibility statement
accessibility-title = Accessibility statement
accessibility-intro = { $publisher } works to make this service accessible, as article 47 of the French law no. 2005-102 of 11 February 2005 asks. This statement is about the webmail { $product }.
accessibility-state-title = State of compliance
accessibility-state = { $state ->
    [full] { $product } fully complies with the French accessibility standard RGAA 4.1.
    [partial] { $product } partially complies with the French accessibility standard RGAA 4.1.
   *[not] { $product } does not yet comply with the French accessibility standard RGAA 4.1: there has been no audit, or fewer than half of the criteria are met.
}
accessibility-audit-title = Results of tests
accessibility-audit = Audit of compliance: { $audit }
accessibility-tests = For each version, all pages are checked by an automatic tool (axe-core, rules of WCAG 2.2 level AA) in French and English, light and dark, on large and small screens. They work by keyboard and without JavaScript.
accessibility-exempt-title = Content that is exempt
accessibility-exempt = What messages and attachments contain comes from their authors. “Show as plain text” gives a simple form of it.
accessibility-contact-title = Feedback and contact
accessibility-contact = If you cannot get at a content or a service, write or call to be shown another way or to be given the content in another form: { $contact }
accessibility-recourse-title = Ways of complaint
accessibility-recourse =
    If you have reported a flaw that keeps you from a content, and were not given a satisfying answer, you can turn to the French ombudsman (Défenseur des droits):
    by the form on its site, www.defenseurdesdroits.fr;
    through its delegate in your region;
    by letter, free of charge and without a stamp: Défenseur des droits, Libre réponse 71120, 75342 Paris CEDEX 07.

# Legal notice
legal-title = Legal notice
legal-publisher-title = Publisher
legal-publisher = { $publisher }
legal-director-title = Director of publication
legal-director = { $director }
legal-host-title = Host
legal-host = { $host }
legal-contact-title = Contact
legal-contact = { $support }
legal-software-title = Software
legal-software = This service runs on Facteur, free software under the EUPL 1.2 licence.

# Personal data
data-title = Personal data
data-purpose-title = Why your data are processed
data-purpose = { $publisher } processes your data to give you a mailbox for your work: to know who you are, to receive, keep and send your messages, to keep your address book, to protect the service. The legal basis is a task carried out in the public interest (article 6(1)(e) of the GDPR).
data-what-title = Which data
data-what =
    Your identity, your address and your academic ID, given by the administration; your date of birth is kept only in a form that can be compared, not read.
    Your messages, contacts and settings.
    Your recent access: date, internet address, program.
    The trace of your messages (addresses, dates, results of delivery), without their content.
data-keep-title = For how long
data-keep =
    Your messages and contacts: until you delete them, or until the account is deleted after you leave.
    The trace of messages: { $days } days in the service.
    The log of acts that touch the security of accounts: one year.
data-access-title = Who has access
data-access = You alone read your messages. IT officers see the identity and the recent access of the people of their school, never messages or passwords. No data go to any advertising or audience-measuring service.
data-cookies-title = Cookies
data-cookies = Only cookies that signing in cannot do without are set. They vanish when the browser is closed or you sign out, and need no consent.
data-rights-title = Your rights
data-rights = You can ask for access to your data, for their correction or deletion, for a limit to their processing, and object to it, at the data protection officer’s: { $officer }
data-complaint = If after that you find that your rights are not respected, you can complain to the French data protection authority, the CNIL (www.cnil.fr).
