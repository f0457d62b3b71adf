
# Pied de page
foot-label = À propos de ce service
foot-help = Aide
foot-accessibility = Accessibilité : { $state ->
    [full] totalement conforme
    [partial] partiellement conforme
   *[not] non conforme
}
foot-legal = Mentions légales
foot-data = Données personnelles
page-home = ← Revenir à la messagerie
notice-missing = (l’exploitant de ce service ne l’a pas encore indiqué)

# Aide
help-title = Aide
help-contents = Sommaire
help-first-title = Première connexion
help-first-text = Le service informatique vous a remis une feuille avec votre adresse, votre numéro d’identification et un code provisoire.
help-first-steps =
    Sur la page de connexion, saisissez votre numéro d’identification ou votre adresse, puis le code provisoire à la place du mot de passe.
    Choisissez votre mot de passe : douze caractères au moins. Quatre ou cinq mots sans rapport entre eux conviennent très bien.
    Votre boîte s’ouvre. Le code provisoire ne sert plus : détruisez la feuille ou rangez-la.
    Ajoutez une adresse de secours dans « Sécurité du compte » : elle vous rendra l’accès si vous oubliez votre mot de passe.
help-first-link = Se connecter
help-password-title = Mot de passe oublié
help-password-text = Personne ne peut vous redonner votre mot de passe, mais vous pouvez en choisir un autre.
help-password-steps =
    Sur la page de connexion, suivez « Mot de passe oublié ». Indiquez votre nom et votre numéro d’identification.
    Si vous aviez vérifié une adresse de secours, un code y arrive en quelques minutes. Sinon, adressez-vous au responsable informatique de votre établissement : il vérifie qui vous êtes et vous remet un code d’activation.
    Saisissez le code, puis choisissez un nouveau mot de passe.
    Toutes vos sessions sont fermées. Saisissez le nouveau mot de passe sur votre téléphone et dans vos logiciels de messagerie.
help-password-link = Mot de passe oublié
help-id-title = Identifiant perdu
help-id-text = Votre numéro d’identification figure sur la feuille qui vous a été remise. Il ne s’affiche nulle part sur ce site, pour que personne ne l’y cherche à votre place.
help-id-steps =
    Suivez « Identifiant perdu » et cherchez votre établissement par son nom ou son code.
    Adressez-vous à la personne indiquée. Elle vous lira votre numéro après avoir vérifié qui vous êtes.
help-id-link = Identifiant perdu
help-contacts-title = Carnet d’adresses
help-contacts-text = Le carnet réunit vos contacts personnels, vos groupes et l’annuaire de l’académie.
help-contacts-steps =
    Pour trouver un collègue, cherchez son nom, son adresse ou le code de son établissement.
    Un contact peut avoir plusieurs adresses, par exemple celles des deux parents d’un élève.
    Un groupe écrit à toutes les adresses de ses membres. « En copie cachée » évite que les destinataires voient les adresses des autres.
    Quand vous écrivez, les premières lettres d’un nom suffisent : des suggestions s’affichent.
    « Importer ou exporter » lit et écrit les fichiers vCard et CSV d’une autre messagerie.
help-contacts-link = Ouvrir le carnet d’adresses
help-phone-title = Téléphone et logiciels de messagerie
help-phone-text = Votre adresse et un mot de passe suffisent : les réglages se trouvent tout seuls.
help-phone-steps =
    Ouvrez « Téléphone et logiciels » dans le menu à votre nom, et visez le dessin avec l’appareil photo du téléphone.
    Sur iPhone et iPad, téléchargez le profil et installez-le dans Réglages. Sur Android, ajoutez un compte « IMAP » avec votre adresse.
    Créez de préférence un mot de passe d’application dans « Sécurité du compte ». Si vous perdez le téléphone, vous le retirez, et tout le reste continue.
    Avec la double authentification, un mot de passe d’application est obligatoire.
help-phone-link = Régler un téléphone ou un logiciel
help-safety-title = Si quelque chose vous inquiète
help-safety-text = Un message étrange, un accès que vous ne reconnaissez pas, un mot de passe donné par erreur : agissez tout de suite.
help-safety-steps =
    N’ouvrez ni le lien ni la pièce jointe. Personne ne vous demandera jamais votre mot de passe ni un code.
    Dans « Sécurité du compte », regardez les derniers accès. « Ce n’était pas moi » ferme tout et change votre mot de passe.
    Prévenez le responsable informatique de votre établissement.
help-safety-link = Sécurité du compte
help-officer-title = Responsables informatiques
help-officer-text = L’assistance n’est ouverte qu’aux responsables d’un établissement qui ont activé la double authentification, et seulement pour les personnes de cet établissement ; aux administrateurs, pour tout le monde. Elle ne donne accès ni aux messages ni aux mots de passe.
help-officer-steps =
    Ouvrez « Assistance » dans le menu à votre nom. Les demandes de mot de passe attendent en haut ; la recherche trouve une personne par son nom.
    Vérifiez qui vous parle : en personne, ou en rappelant le numéro du dossier administratif.
    Lisez le numéro d’identification, ou remettez un code d’activation, qui ne s’affiche qu’une fois et vaut un jour.
    Notez comment vous avez vérifié l’identité. Chaque geste est inscrit dans un journal.
help-officer-link = Ouvrir l’assistance
help-support-title = Une question sans réponse ici
help-support-text = Assistance : { $support }

# Déclaration d’accessibilité
accessibility-title = Déclaration d’accessibilité
accessibility-intro = { $publisher } s’efforce de rendre ce service accessible, conformément à l’article 47 de la loi n° 2005-102 du 11 février 2005. Cette déclaration s’applique au webmail { $product }.
accessibility-state-title = État de conformité
accessibility-state = { $state ->
    [full] { $product } est totalement conforme au référentiel général d’amélioration de l’accessibilité (RGAA 4.1).
    [partial] { $product } est partiellement conforme au référentiel général d’amélioration de l’accessibilité (RGAA 4.1).
   *[not] { $product } n’est pas encore conforme au référentiel général d’amélioration de l’accessibilité (RGAA 4.1) : aucun audit n’a été fait, ou moins de la moitié des critères sont respectés.
}
accessibility-audit-title = Résultat des tests
accessibility-audit = Audit de conformité : { $audit }
accessibility-tests = À chaque version, toutes les pages sont contrôlées par un outil automatique (axe-core, règles WCAG 2.2 niveau AA) en français et en anglais, en clair et en sombre, sur grand et petit écran. Elles fonctionnent au clavier et sans JavaScript.
accessibility-exempt-title = Contenus non soumis à l’obligation
accessibility-exempt = Le contenu des messages et des pièces jointes vient de leurs auteurs. « Afficher en texte seul » en donne une forme simple.
accessibility-contact-title = Retour d’information et contact
accessibility-contact = Si vous ne parvenez pas à accéder à un contenu ou à un service, écrivez ou téléphonez pour être orienté vers une autre solution ou obtenir le contenu sous une autre forme : { $contact }
accessibility-recourse-title = Voies de recours
accessibility-recourse =
    Si vous avez signalé un défaut qui vous empêche d’accéder à un contenu et que vous n’avez pas obtenu de réponse satisfaisante, vous pouvez saisir le Défenseur des droits :
    par le formulaire de son site, www.defenseurdesdroits.fr ;
    par l’intermédiaire de son délégué dans votre région ;
    par courrier gratuit, sans timbre : Défenseur des droits, Libre réponse 71120, 75342 Paris CEDEX 07.

# Mentions légales
legal-title = Mentions légales
legal-publisher-title = Éditeur
legal-publisher = { $publisher }
legal-director-title = Direction de la publication
legal-director = { $director }
legal-host-title = Hébergement
legal-host = { $host }
legal-contact-title = Contact
legal-contact = { $support }
legal-software-title = Logiciel
legal-software = Ce service fonctionne avec Facteur, logiciel libre sous licence EUPL 1.2.

# Données personnelles
data-title = Données personnelles
data-purpose-title = Pourquoi vos données sont traitées
data-purpose = { $publisher } traite vos données pour vous fournir une messagerie professionnelle : vous identifier, recevoir, conserver et envoyer vos messages, tenir votre carnet d’adresses, protéger le service. Le fondement est l’exécution d’une mission d’intérêt public (article 6.1.e du RGPD).
data-what-title = Lesquelles
data-what =
    Votre identité, votre adresse et votre numéro d’identification, transmis par l’administration ; la date de naissance n’est gardée que sous une forme qui permet de la comparer, pas de la lire.
    Vos messages, vos contacts et vos réglages.
    Vos derniers accès : date, adresse internet, logiciel.
    La trace de vos messages (adresses, dates, résultats de la remise), sans leur contenu.
data-keep-title = Combien de temps
data-keep =
    Vos messages et vos contacts : jusqu’à ce que vous les supprimiez, ou jusqu’à la suppression du compte après votre départ.
    La trace des messages : { $days } jours dans le service.
    Le journal des gestes qui touchent à la sécurité des comptes : un an.
data-access-title = Qui y accède
data-access = Vous seul lisez vos messages. Les responsables informatiques voient l’identité et les derniers accès des personnes de leur établissement, jamais les messages ni les mots de passe. Aucune donnée n’est transmise à un service publicitaire ou de mesure d’audience.
data-cookies-title = Cookies
data-cookies = Seuls des cookies indispensables à la connexion sont déposés. Ils disparaissent à la fermeture du navigateur ou à la déconnexion, et ne demandent pas de consentement.
data-rights-title = Vos droits
data-rights = Vous pouvez demander l’accès à vos données, leur rectification, leur effacement, la limitation de leur traitement, et vous y opposer, auprès du délégué à la protection des données : { $officer }
data-complaint = Si vous estimez, après l’avoir contacté, que vos droits ne sont pas respectés, vous pouvez adresser une réclamation à la CNIL (www.cnil.fr).
