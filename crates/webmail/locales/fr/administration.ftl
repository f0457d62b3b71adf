# Les phrases des pages d’administration.

admin-link = Administration
admin-title = Administration
admin-overview = Vue d’ensemble
admin-accounts = Comptes
admin-units = Établissements
admin-import = Import
admin-audit = Journal
admin-errors = À corriger
admin-save = Enregistrer
admin-saved = C’est enregistré.
admin-add = Ajouter
admin-remove = Retirer
admin-yes = Oui
admin-no = Non
admin-first-page = Retour au début
admin-previous-page = Page précédente
admin-next-page = Page suivante

# Vue d’ensemble
admin-directory = Annuaire
admin-count-active = en service
admin-count-awaiting = en attente de première connexion
admin-count-leaving = sur le départ
admin-count-suspended = { $count ->
    [one] suspendu
   *[other] suspendus
}
admin-count-units = { $count ->
    [one] établissement
   *[other] établissements
}
admin-server = Serveur
admin-version = Version
admin-uptime = En marche depuis
admin-seconds = { $seconds } s
admin-minutes = { $minutes } min
admin-hours = { $hours } h { $minutes } min
admin-days = { $days } j { $hours } h
admin-queue = File d’envoi
admin-queue-empty = vide
admin-queue-waiting = { $count } en attente, le plus ancien depuis { $age }
admin-index = Index de recherche
admin-index-done = à jour
admin-index-waiting = { $count ->
    [one] un message en attente
   *[other] { $count } messages en attente
}
size-gigabytes = Go
admin-disk = Disque
admin-disk-free = { $free } libres ; le courrier est refusé en dessous de { $guard }
admin-disk-unknown = place libre inconnue
admin-backup = Dernière sauvegarde
admin-backup-made = { $date }, { $size } en { $duration }
admin-verify = Dernière vérification
admin-verify-clean = { $date }, rien à signaler
admin-verify-faults = { $date }, défauts trouvés : { $count }
admin-never = jamais
admin-alarm-no-backup = aucune sauvegarde n’a encore été faite.
admin-alarm-backup = la dernière sauvegarde date de plus de { $hours } heures.
admin-alarm-verify = la dernière vérification a trouvé des défauts. Restaurez une sauvegarde.
admin-alarm-disk = le disque est presque plein, le nouveau courrier est refusé. Libérez de la place.
admin-alarm-queue = le plus ancien message de la file attend depuis { $hours } heures.
admin-alarm-index = { $count } messages attendent d’être indexés ; les recherches sont lentes.
admin-alarm-alone = un seul compte est administrateur. S’il se perd, il ne reste que la ligne de commande.

# Comptes
admin-find-account = Chercher un compte
admin-find-words = Nom, adresse ou numéro
admin-find-unit = Chercher un établissement
admin-find-unit-hint = Nom ou code
admin-id-unknown = Aucun compte n’a ce numéro d’identification.
admin-changed-meanwhile = Ce compte a changé depuis l’ouverture de cette page ; rien n’a été enregistré. Voici ce qui vaut maintenant : refaites votre modification.
admin-unit-changed-meanwhile = Cet établissement a changé depuis l’ouverture de cette page ; rien n’a été enregistré. Voici ce qui vaut maintenant : refaites votre modification.
admin-nobody = Aucun compte ne correspond.
admin-all-accounts = Voir tous les comptes
admin-account-new = Nouveau compte
admin-account-another = Créer un autre compte
admin-filter-unit = Code de l’établissement
admin-state = État
admin-state-any = Tous, sauf supprimés
admin-state-active = En service
admin-state-awaiting = En attente de première connexion
admin-state-leaving = Sur le départ
admin-state-suspended = Suspendu
admin-state-deleted = Supprimé
admin-role = Rôle
admin-role-agent = Agent
admin-role-officer = Responsable informatique
admin-role-administrator = Administrateur
admin-role-system = Système
admin-given-name = Prénom
admin-birth-name = Nom de naissance
admin-usage-name = Nom d’usage
admin-usage-name-hint = S’il est différent du nom de naissance.
admin-birth-date = Date de naissance
admin-birth-date-hint = Jamais affichée : seule une empreinte est gardée.
admin-name = Nom affiché
admin-name-hint = Vide : le prénom et le nom.
admin-address = Adresse
admin-address-hint = Vide : formée du prénom et du nom.
admin-address-change-hint = L’ancienne adresse reste, comme adresse supplémentaire.
admin-unit-codes = Codes des établissements
admin-unit-codes-hint = Séparés par des espaces, le principal en premier.
admin-quota = Quota
admin-quota-hint = Par exemple 5 Go ; 0 : illimité ; vide : celui de la configuration.
admin-quota-none = illimité
admin-domain = Domaine des adresses
admin-id-hint = De 4 à 16 chiffres, unique ; il ne changera pas.
admin-create = Créer le compte
admin-leaves-on = supprimé le { $day }
admin-used = Courrier
admin-used-of = { $used } sur { $quota }
admin-account-log = Voir ce que le journal dit de ce compte
admin-change = Modifier
admin-aliases = Adresses supplémentaires
admin-aliases-hint = Le compte reçoit ce qui leur est écrit et peut écrire en leur nom. Une adresse retirée n’est jamais donnée à quelqu’un d’autre.
admin-alias = Nouvelle adresse
admin-alias-added = L’adresse est ajoutée.
admin-alias-removed = L’adresse est retirée.
admin-own = C’est votre propre compte. Votre rôle, votre accès et votre départ se règlent par un autre administrateur.
admin-access = Accès
admin-secret-hint = Un code provisoire remplace le mot de passe : la personne en choisit un autre à sa prochaine connexion. Elle en est avertie, et ses sessions se ferment.
admin-secret-elsewhere = Le code d’un responsable informatique ou d’un administrateur demande l’accord de deux administrateurs ; il se remet dans l’assistance.
admin-lost-password = Mot de passe perdu : ouvrir dans l’assistance
admin-secret = Donner un code provisoire
admin-suspend = Suspendre le compte
admin-suspended = Le compte est suspendu ; il reçoit du courrier, personne ne s’y connecte.
admin-resume = Rouvrir le compte
admin-resumed = Le compte est rouvert.
admin-leave = Départ
admin-leave-hint = Jusqu’à ce jour, la personne lit et emporte son courrier, sans rien envoyer. Ce jour-là, le compte et son courrier sont supprimés.
admin-leave-day = Dernier jour
admin-leave-missing = Indiquez le dernier jour.
admin-leaves = Le départ est noté.
admin-stay = Annuler le départ
admin-stays = Le départ est annulé.
admin-delete = Supprimer
admin-delete-title = Supprimer le compte
admin-delete-warning = le compte de { $name } et tout son courrier ({ $used }) seront supprimés tout de suite, sans retour possible.
admin-delete-hint = Ses adresses et son numéro restent réservés. Pour quelqu’un qui part, indiquez plutôt un dernier jour.
admin-delete-confirm = Pour confirmer, tapez l’adresse { $address }
admin-delete-mismatch = L’adresse tapée n’est pas celle du compte.
admin-deleted = Le compte et son courrier sont supprimés.
admin-sheet-title = Code provisoire
admin-sheet-for = Le code provisoire de { $name } :
admin-sheet-print = Imprimez cette page : seule la feuille ci-dessous sort de l’imprimante. Remettez-la en main propre.
admin-sheet-done = J’ai imprimé ou noté le code

# Établissements
admin-unit-new = Nouvel établissement
admin-unit-code = Code
admin-unit-code-hint = Par exemple 0750001A ; il ne changera pas.
admin-unit-name = Nom
admin-unit-contact = Contact
admin-unit-contact-hint = Montré à qui a perdu son numéro d’identification : un bureau, un téléphone.
admin-unit-officers = Responsables informatiques
admin-unit-officers-hint = Une adresse par ligne.
admin-unit-members = { $count ->
    [0] personne n’en fait partie
    [one] un compte
   *[other] { $count } comptes
}
admin-unit-alone = Sans responsable
admin-unit-delete = Supprimer l’établissement
admin-unit-delete-hint = Possible quand plus aucun compte n’en fait partie.
admin-unit-deleted = L’établissement est supprimé.
admin-unit-made = L’établissement est créé.
admin-no-units = Aucun établissement ne correspond.

# Import
admin-import-what = Le fichier contient
admin-import-staff = Des personnels
admin-import-units = Des établissements
admin-import-file = Fichier CSV
admin-import-hint = { $limit } au plus. Rien ne change avant que vous l’ayez confirmé.
admin-import-no-file = Choisissez un fichier.
admin-import-not-utf-8 = Le fichier n’est pas en UTF-8. Dans le tableur, enregistrez-le comme « CSV UTF-8 ».
admin-import-check = Vérifier le fichier
admin-import-earlier = Fichiers en cours
admin-import-columns = Colonnes reconnues
admin-import-columns-how = La première ligne nomme les colonnes, séparées par des points-virgules ou des virgules. Un champ vide laisse tel quel ce qui est déjà connu ; le même fichier peut être relu sans rien doubler.
admin-import-checking = Vérification en cours
admin-import-checked = Vérifié, rien n’a changé
admin-import-applying = Import en cours
admin-import-applied = Importé
admin-import-failed = Refusé
admin-import-progress = { $done } lignes sur { $lines }
admin-refresh = Actualiser
admin-refresh-stop = Ne plus actualiser d’elle-même
admin-import-would = Ce que l’import ferait
admin-import-did = Ce que l’import a fait
admin-import-created = { $count ->
    [one] créé
   *[other] créés
}
admin-import-updated = { $count ->
    [one] modifié
   *[other] modifiés
}
admin-import-unchanged = { $count ->
    [one] inchangé
   *[other] inchangés
}
admin-import-refused = { $count ->
    [one] ligne refusée
   *[other] lignes refusées
}
admin-import-nothing = Il n’y a rien à importer.
admin-import-apply-hint = Les lignes refusées sont laissées de côté. Les nouveaux comptes reçoivent un code provisoire, valable sept jours.
admin-import-apply-units-hint = Les lignes refusées sont laissées de côté.
admin-import-apply = Importer
admin-import-forget = Abandonner
admin-import-forgotten = Le fichier est oublié.
admin-import-sheets = Feuilles à remettre
admin-import-sheets-once = chaque format se télécharge une seule fois, dans l’heure. Les codes ne sont gardés nulle part ailleurs.
admin-import-sheets-count = Une feuille par nouveau compte : { $count }.
admin-import-pages = Télécharger les pages à imprimer
admin-import-lines = Télécharger le tableau CSV
admin-import-forget-sheets = Effacer les feuilles
admin-import-taken = Ce format a déjà été téléchargé.
admin-import-refusals = Lignes refusées
admin-import-line = Ligne { $line }
admin-import-cut = Seules les premières sont affichées ; le fichier les a toutes.
admin-import-refusals-file = Télécharger la liste

# Journal
admin-audit-find = Chercher dans le journal
admin-audit-account = Compte concerné
admin-audit-officer = Fait par
admin-audit-from = Du
admin-audit-until = Au
admin-audit-verify = Vérifier le journal
admin-audit-empty = Aucune ligne ne correspond.
admin-audit-go-on = Rien dans les { $count } lignes regardées. Continuez avec « Plus anciennes ».
admin-audit-nobody = Aucun compte n’a cette adresse ou ce numéro.
admin-audit-whole = Lignes vérifiées : { $count }. Rien n’a été changé, ajouté ni retiré.
admin-audit-broken = Le journal a été altéré
admin-audit-by = par
admin-audit-command-line = en ligne de commande
admin-audit-server = par le serveur
admin-audit-older = Plus anciennes
admin-factor-match = { $factor } : concorde
admin-factor-no-match = { $factor } : ne concorde pas
admin-factor-name = Nom
admin-factor-id = Numéro d’identification
admin-factor-birth-date = Date de naissance
admin-factor-code = Code envoyé
admin-factor-activation = Code d’activation
admin-factor-totp = Code de l’application
admin-factor-recovery-code = Code de secours
admin-factor-state = État du compte
admin-factor-limit = Nombre d’essais
act-password-changed = Mot de passe changé
act-password-chosen = Mot de passe choisi avec un code provisoire
act-alarm = « Ce n’était pas moi »
act-app-password-added = Mot de passe d’application créé
act-app-password-removed = Mot de passe d’application retiré
act-second-factor-on = Double authentification activée
act-second-factor-off = Double authentification désactivée
act-recovery-codes-made = Codes de secours renouvelés
act-second-factor-tried = Double authentification essayée
act-recovery-named = Adresse de secours indiquée
act-recovery-proven = Adresse de secours vérifiée
act-recovery-removed = Adresse de secours retirée
act-reset-asked = Nouveau mot de passe demandé
act-reset-code-tried = Code de remplacement essayé
act-reset-done = Mot de passe remplacé
act-activation-issued = Code d’activation remis
act-reset-refused = Demande de mot de passe refusée
act-person-shown = Fiche consultée
act-account-created = Compte créé
act-account-changed = Compte modifié
act-account-suspended = Compte suspendu
act-account-resumed = Compte rouvert
act-leaving-set = Départ
act-secret-issued = Code provisoire donné
act-alias-added = Adresse ajoutée
act-alias-removed = Adresse retirée
act-account-deleted = Compte supprimé
act-account-exported = Compte exporté, courriel compris
act-unit-created = Établissement créé
act-unit-changed = Établissement modifié
act-unit-deleted = Établissement supprimé
act-accounts-imported = Personnels importés
act-units-imported = Établissements importés

# Refus de l’annuaire
why-address-taken = L’adresse { $value } est déjà prise, ou l’a été.
why-id-taken = Le numéro d’identification { $value } est déjà pris.
why-unit-taken = Il y a déjà un établissement { $value }.
why-no-unit = Il n’y a pas d’établissement { $value }.
why-no-account = Aucun compte n’a cette adresse ou ce numéro : { $value }.
why-no-column = Il manque la colonne « { $value } ».
why-unknown-column = La colonne « { $value } » est inconnue.
why-two-columns = Deux colonnes s’appellent « { $value } ».
why-same-id = La ligne { $value } a déjà ce numéro d’identification.
why-same-address = La ligne { $value } a déjà cette adresse.
why-same-code = La ligne { $value } a déjà ce code.
why-bad-id = Un numéro d’identification a de 4 à 16 chiffres.
why-no-code = Il manque le code.
why-no-name = Il manque le nom.
why-unreadable = Le fichier ne peut pas être lu.
why-not-utf-8 = La ligne n’est pas en UTF-8.
why-long-line = La ligne dépasse { $value } octets.
why-many-fields = La ligne a plus de champs que la première : mettez entre guillemets un champ qui contient le séparateur.
why-no-address = Il faut une adresse, ou un prénom et un nom.
why-leaves-unknown = On ne peut pas noter le départ de quelqu’un qui n’a pas encore de compte.
why-past-day = Le jour doit être à venir.
why-oneself = Personne ne change son propre rôle, son accès ni son départ.
why-lowered = Un rôle de responsable informatique ou d’administrateur se retire en ligne de commande, sur le serveur. Suspendez plutôt le compte.
why-administrators = Un administrateur se nomme en ligne de commande, sur le serveur.
why-no-administrator = Seul un administrateur en service peut faire cela.
why-suspended = Le compte est suspendu : rouvrez-le d’abord.
why-primary = L’adresse principale ne se retire pas.
why-many-aliases = Un compte a au plus { $value } adresses supplémentaires.
why-many-units = Un compte a au plus { $value } établissements.
why-many-officers = Un établissement a au plus { $value } responsables informatiques.
why-which-domain = Indiquez le domaine des adresses.
why-no-at = Une adresse a un @ entre le nom et le domaine.
why-bad-local = Ce qui précède le @ est vide, trop long, ou contient un caractère interdit.
why-bad-domain = Ce qui suit le @ n’est pas un nom de domaine.
why-password = Le mot de passe est trop facile à deviner.
why-busy = Trop de changements en même temps ; réessayez.
why-many-lines = Le fichier a plus de { $value } lignes.
why-bad-role = Le rôle « { $value } » est inconnu : agent, it-officer, administrator ou system.
why-not-empty = Des comptes en font encore partie ({ $value }) : déplacez-les d’abord.
why-bad-code = « { $value } » n’est pas un code d’établissement, tel que 0750001A.
why-bad-date = « { $value } » n’est pas une date, telle que 21/03/1985.
why-bad-quota = « { $value } » n’est pas un quota, tel que 5G ou 500M.
why-not-hosted = { $value } : ce domaine n’est pas géré ici.
why-give-address = « { $value } » ne donne pas d’adresse : indiquez-en une.

# Identité seule
identity-tab = Identité
identity-title = Identité seule
identity-of = Identité seule : { $unit }
identity-what = Là où c’est ouvert, qui a perdu son mot de passe le remplace avec son nom, son numéro d’identification et sa date de naissance, sans que personne ne vérifie. C’est bien moins sûr qu’un code ou qu’un responsable informatique.
identity-how = Pour l’ouvrir dans un établissement, passez par la page de cet établissement. Deux administrateurs doivent en convenir.
identity-everywhere = Partout
identity-reason = Raison
identity-close-everywhere = Fermer partout
identity-reopen = Rouvrir
identity-closed = fermée partout
identity-closed-by = Fermé partout par { $name }, { $date }.
identity-closed-itself = Fermé partout, { $date }, après trop de dates de naissance fausses. Vérifiez le journal avant de rouvrir.
identity-closed-now = C’est fermé partout.
identity-reopened-now = C’est rouvert.
identity-nowhere = Ouvert dans aucun établissement.
identity-shut = fermée
identity-open-in = { $count ->
    [one] ouverte dans un établissement
   *[other] ouverte dans { $count } établissements
}
identity-open-until = Ouvert jusqu’au { $day }
identity-renewal-waits = Ouvert jusqu’au { $day }, un renouvellement attend
identity-waits = Proposé, attend un second administrateur
identity-settle = Régler
identity-opened = Ouvert { $date }, proposé par { $one } et accepté par { $other }.
identity-proposed = Proposé par { $name }, { $date }.
identity-proposal-until = Proposition, jusqu’au { $day }
identity-own-proposal = Un autre administrateur doit l’accepter.
identity-agree = Accepter et ouvrir
identity-close = Fermer
identity-withdraw = Retirer la proposition
identity-withdraw-button = Retirer
identity-unit-page = Voir l’établissement
identity-close-hint = Tout de suite, et les remplacements en cours s’arrêtent. Une proposition est retirée.
identity-renew = Proposer un renouvellement
identity-propose = Proposer d’ouvrir
identity-propose-hint = { $days } jours au plus. Rien ne s’ouvre avant qu’un autre administrateur l’ait accepté.
identity-proposed-now = C’est proposé ; un autre administrateur doit l’accepter.
identity-opened-now = C’est ouvert.
identity-unit-closed = C’est fermé.
identity-withdrawn = La proposition est retirée.
admin-alarm-identity = l’identité seule s’est fermée partout après trop de dates de naissance fausses.
admin-alarm-proposals = { $count ->
    [one] une proposition d’ouvrir l’identité seule attend votre avis.
   *[other] { $count } propositions d’ouvrir l’identité seule attendent votre avis.
}
act-activation-approved = Code d’activation accordé, second accord attendu
act-unlocked = Codes par courriel de nouveau acceptés
act-policy-proposed = Identité seule proposée
act-policy-opened = Identité seule ouverte
act-policy-closed = Identité seule fermée
act-identity-closed = Identité seule fermée partout
act-identity-reopened = Identité seule rouverte
act-reset-stopped = Remplacement arrêté
why-privileged = Le code d’un responsable informatique ou d’un administrateur demande l’accord de deux administrateurs ; il se remet dans l’assistance.
why-last-day = Le dernier jour est entre aujourd’hui et le { $value }.
why-no-reason = Indiquez la raison.
why-approved = Vous avez déjà donné votre accord : il faut celui d’un autre administrateur.
why-own-proposal = Un autre administrateur doit l’accepter.
why-no-proposal = Cette proposition n’existe plus.
