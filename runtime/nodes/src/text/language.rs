//! What differs between languages: the characters that end their sentences, their abbreviations, and the words that
//! begin a sentence. Tables of words alone; what they mean for a text is decided in `sentence`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language by its code of ISO 639-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Amharic.
    Am,
    /// Arabic.
    Ar,
    /// Bulgarian.
    Bg,
    /// Danish.
    Da,
    /// German.
    De,
    /// Greek.
    El,
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
    /// Persian.
    Fa,
    /// French.
    Fr,
    /// Hindi.
    Hi,
    /// Armenian.
    Hy,
    /// Italian.
    It,
    /// Japanese.
    Ja,
    /// Kazakh.
    Kk,
    /// Marathi.
    Mr,
    /// Burmese.
    My,
    /// Dutch.
    Nl,
    /// Polish.
    Pl,
    /// Russian.
    Ru,
    /// Slovak.
    Sk,
    /// Urdu.
    Ur,
    /// Chinese.
    Zh,
}

/// Words are in lower case, apart by spaces, abbreviations without their last dot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// Abbreviations after which a sentence goes on: titles, "e.g.".
    pub(super) inner: &'static str,
    /// Such as go on before a number: "No. 5".
    pub(super) numbered: &'static str,
    /// Such as may be the last word of a sentence: it ends if a capital follows.
    pub(super) perhaps_last: &'static str,
    /// Words that begin a sentence far more often than they follow an abbreviation or a number inside one.
    pub(super) starters: &'static str,
}

/// What ends a sentence in any of the languages and has no other meaning.
pub(super) const TERMINATORS: &str = ".!?\u{2026}\u{3002}\u{ff01}\u{ff1f}\u{ff0e}\u{ff61}\u{964}\u{965}\u{61f}\u{6d4}\
     \u{37e}\u{589}\u{1362}\u{1367}\u{1368}\u{104b}\n";

impl Language {
    pub(super) fn terminators(self) -> String {
        match self {
            // The dot is a colon in Armenian, and the colon, which is easier to type, a full stop.
            Language::Hy => TERMINATORS.replace(['.', '\u{2026}'], "") + ":",
            Language::El => TERMINATORS.to_owned() + ";",
            Language::Ar => TERMINATORS.to_owned() + ":",
            _ => TERMINATORS.to_owned(),
        }
    }

    /// Whether a dot behind a number makes it an ordinal: "12. Juni".
    pub(super) fn has_ordinal_dots(self) -> bool {
        matches!(self, Language::Da | Language::De | Language::Pl | Language::Sk)
    }

    /// Whether quotes open low and close high, so that the mark which opens them elsewhere closes: „Ja.“
    pub(super) fn has_low_quotes(self) -> bool {
        matches!(self, Language::Bg | Language::Da | Language::De | Language::Ru | Language::Sk)
    }

    /// Whether sentences follow each other without a space: "жағдайы.XVIII".
    pub(super) fn joins_sentences(self) -> bool {
        self == Language::Kk
    }

    pub(super) fn words(self) -> Words {
        match self {
            Language::Am | Language::Hy | Language::Ja | Language::My | Language::Zh => Words::NONE,
            Language::Ar => ARABIC,
            Language::Bg => BULGARIAN,
            Language::Da => DANISH,
            Language::De => GERMAN,
            Language::El => GREEK,
            Language::En => ENGLISH,
            Language::Es => SPANISH,
            Language::Fa => Words { inner: "ق.م ه.ش ه.ق", ..Words::NONE },
            Language::Fr => FRENCH,
            Language::Hi | Language::Mr => Words {
                inner: "डॉ प्रो श्री श्रीमती सौ कु रु पं", ..Words::NONE
            },
            Language::It => ITALIAN,
            Language::Kk => KAZAKH,
            Language::Nl => DUTCH,
            Language::Pl => POLISH,
            Language::Ru => RUSSIAN,
            Language::Sk => SLOVAK,
            Language::Ur => Words { inner: "ڈاکٹر", ..Words::NONE },
        }
    }
}

impl Words {
    const NONE: Words = Words { inner: "", numbered: "", perhaps_last: "", starters: "" };

    pub(super) fn is_in(words: &str, word: &str) -> bool {
        !word.is_empty() && words.split_ascii_whitespace().any(|entry| entry == word)
    }
}

/// With the commonest German ones, as it was before there was a choice.
const ENGLISH: Words = Words {
    inner: "mr mrs ms mx dr prof st rev hon gen col maj cmdr capt lt sgt cpl pvt pres gov sen supt insp adm amb mt vs \
            v cf ca approx e.g i.e eg ie a.k.a viz al resp incl excl est dept univ assn messrs mme mlle fr hr bzw z.b \
            d.h tel fig figs eq eqs ch chap vol eds ph.d",
    numbered: "no nos nr n° № p pp pg pt v vv l ll art par sec ref refs ext",
    perhaps_last: "etc inc ltd co corp llc plc bros jr sr esq a.m p.m am pm usw al jan feb mar apr jun jul aug sep \
            sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ft lb lbs oz hrs ed eds trans max min temp \
            misc ave blvd rd rep",
    starters: "a an and are but did do does for he her here his how however i if in it its let my not now once our \
            she so some that the their then there these they this those thus today we what when where which while who \
            why yes yet you your",
};

const GERMAN: Words = Words {
    inner: "dr prof hr fr frl dipl ing med phil rer nat jur habil mag st skt bzw bspw z.b z.t z.zt d.h u.a u.u i.d.r \
            o.g s.o s.u vgl ca inkl exkl evtl ggf ggfs sog gem geb gest verh vorm nachm kath evang ev allg bes betr \
            bezgl ehem einschl entspr gez gg hl insb insbes jew jr kfm lat lfd lt mind mtl näml od österr phys rd \
            resp schweiz städt techn tägl tel teilw ungef urspr usf versch wg wiss zit zool zus zw zzgl abb abs anm \
            aufl bde hrsg hg ausg ebd max cf mr mrs",
    numbered: "nr nrn co s art abb tab fig str stk pos ziff § no bd kap jh tsd mio mrd std sek min jhd jan feb febr apr \
            jun jul aug sep sept okt nov dez",
    perhaps_last: "usw etc u.v.m u.s.w u.dgl u.ä o.ä e.v gmbh ag kg inc mo di mi do sa so",
    starters: "der die das den dem des ein eine einen einem einer er sie es ich wir ihr du man und aber doch dann da \
            hier dort so wie was wer wo wann warum wenn als auch nach vor im in am an auf bei mit von zu für über \
            dies diese dieser dieses sein seine mein meine unser kein keine nein ja bitte danke denn weil dazu darum \
            daher damit deshalb jetzt nun nur noch alle alles viele mehr zudem",
};

const FRENCH: Words = Words {
    inner: "m mm mme mmes mlle mlles dr drs pr prof me mgr st ste sts stes cf p.ex ex env av apr bd boul fg pl éd éds \
            coll chap fig hab max min qqch qqn resp tél trad vs al adj adv art dir ing gén col cap lt",
    numbered: "n no nos n° art p pp pag t vol chap fig av",
    perhaps_last: "etc ltd cie inc co janv févr avr juil sept oct nov déc lun mar mer jeu ven sam dim j.-c apr",
    starters: "le la les l il elle ils elles un une et mais ce c cet cette ces je j nous vous on dans en au aux de du \
            des d que qui où quand comment pourquoi si son sa ses leur mon ma mes notre votre tout tous ainsi puis",
};

const SPANISH: Words = Words {
    inner: "sr sra srta sres sras dr dra dres d dña lic ing arq prof profa gral cnel cap tte sgto mtro mtra fr st sto \
            sta mons admón núm tel fax párrf párr pág págs art arts vol ed ej p.ej av avda c cra dpto ext aprox máx \
            mín mt hs vs cf ud uds vd vds ee rr ff jr cía incl izq dcha pza pl prov depto gob pdte pte",
    numbered: "no n° nº núm núms nro p pp pág págs art vol cap tel ext",
    perhaps_last: "etc ee.uu uu a.m p.m a.c d.c s.a s.l cía inc ltd co km min seg hrs ene feb mar abr may jun jul ago \
            sep sept set oct nov dic lun mié jue vie sáb dom",
    starters: "el la los las un una y pero es en no se ella ellos yo nosotros tú usted este esta esto ese esa eso que \
            qué cómo cuándo dónde por para con su sus mi mis tu tus al del de también así luego entonces hoy",
};

const ITALIAN: Words = Words {
    inner: "sig sigg sig.ra sig.na sig.ri sigra signa dr dott dott.ssa prof prof.ssa ing avv arch geom rag on sen \
            mons don egr gent gent.mo gent.ma spett ill amm dir pres segr gen col cap ten mar brig com cav comm es ad \
            p.es cfr cf vs ca circa tel fax pag pagg art artt fig vol ed al all meteor idraul psicol econ chim fis \
            mat med biol geogr stor lett st ss s.s int est min max mitt dest abb agg allegr arr aus av cod civ pen \
            proc fatt gg az",
    numbered: "n nr num n° pag pagg p pp art artt fig vol cap tel",
    perhaps_last: "ecc etc s.p.a s.r.l a.c d.c co inc ltd gen feb mar apr mag giu lug ago set sett ott nov dic lun \
            mer gio ven sab dom",
    starters: "il lo la i gli le un uno una e ma è in si non che chi come cosa dove quando perché se io tu lui lei \
            noi voi loro questo questa questi quello quella al nel del da di per con su oggi poi anche così",
};

const DUTCH: Words = Words {
    inner: "dhr mevr mw mej dr drs ir ing prof mr bc jhr ds st bv bijv bvb d.w.z m.a.w o.a t.a.v i.p.v m.b.t m.n \
            n.a.v ca incl excl resp vgl zgn z.g.n evt event ong geb gest wed afd afb aanw vnw bnw ww znw bep onbep \
            lidw telw voorz voegw bez betr vrag wederk hoofdw red blz hfst ed uitg vert tel max min gem gen kol lt \
            sgt kap maj",
    numbered: "nr nrs no blz p pp art afb fig hfst deel tel",
    perhaps_last: "enz etc b.v n.v v.chr n.chr jr sr co inc ltd jan feb mrt apr jun jul aug sep sept okt nov dec ma \
            di wo do vr za zo",
    starters: "de het een hij zij ze we wij ik jij je u maar en dat dit die deze in op er hier daar nu dan toen wat \
            wie waar wanneer waarom hoe ook als met voor van naar niet geen mijn zijn haar onze",
};

const DANISH: Words = Words {
    inner: "hr fr frk dr prof ing stud cand mag skt st mr mrs ms f.eks f.x bl bl.a dvs d.v.s ca inkl ekskl evt ift \
            iht jf jfr kgl kl max maks mv nuv pga pr resp sml tlf vedr vha vol afd afs art bd bet eds fig forf gl gr \
            henv hhv lb mht mt opl red ref rk sek sdr ssp stk sv tab tidl tilsv vs",
    numbered: "nr no n° p pp s side art afs fig kap tlf kl",
    perhaps_last: "osv etc m.m m.fl m.v co a/s aps inc ltd corp jr sr a.m p.m jan feb mar apr jun jul \
            aug sep sept okt nov dec kr mio mia stk",
    starters: "det de den en et han hun vi jeg i men og hvad hvor hvem hvornår hvorfor hvordan her der da så nu når \
            hvis som du dette denne disse min din sin vores deres ja nej the he she it they we what when where how \
            who a this that",
};

const POLISH: Words = Words {
    inner: "p dr prof mgr inż lek doc hab ks św bp abp gen płk ppłk mjr kpt por ppor sierż red ul al pl os np m.in tj \
            tzn tzw t.j zob ob ok max min ww wg nt im ang niem franc wł hiszp ros łac gr bałt słow czes ukr bot zool \
            chem fiz mat med biol geogr hist jęz lit muz poet przen rel techn wojsk żegl tel nr str godz ur zm woj \
            pow gm",
    numbered: "nr str s poz art ust pkt rozdz t tel godz r",
    perhaps_last: "itd itp etc m.in r zł gr tys mln mld sp z.o.o s.a n.e p.n.e stycz lut kwiet czerw lip sierp wrz \
            paź list grudz",
    starters: "to w na i ale nie on ona oni my ja ty jest są był była co kto gdzie kiedy dlaczego jak czy gdy jeśli \
            ten ta te tak teraz potem po za do od przed tam tu",
};

const SLOVAK: Words = Words {
    inner: "p dr mudr judr phdr ing mgr bc prof doc csc phd mvdr rndr thdr arch akad sv st ml gen plk pplk mjr kpt \
            npor por napr tzn t.j t.zn tzv resp cca ca pozn pozri porov str obr tab čl ods písm č nám ul bul tel max \
            min príp vyd zv vl im slov čes angl nem lat gréc hod",
    numbered: "č čís str s obr tab čl ods zv tel",
    perhaps_last: "atď a.s s.r.o spol o.z n.o t.r n.l pr.n.l tis mil mld eur sk jan feb mar apr máj jún júl aug sept \
            okt nov dec",
    starters: "je to na v a ale nie on ona oni my ja ty sú bol bola čo kto kde kedy prečo ako či ak keď ten tá tie \
            tak teraz potom po za do od pred tam tu ide",
};

const RUSSIAN: Words = Words {
    inner: "г гг ул пр просп пер пл наб пос пгт дер обл р-н о-в оз р проф акад доц канд докт д-р г-н г-жа гр тов св \
            им инж ген полк подп кап лейт серж т.е т.к т.н т.д.с напр см ср стр гл рис табл илл ред изд сост авт букв \
            лат греч англ нем фр ит исп рус укр ок макс кв корп оф эт тел факс доб ком ст п абз вкл искл в вв до.н.э",
    numbered: "№ стр с гл рис табл т ст п пп тел кв д кл",
    perhaps_last: "т.д т.п др пр проч и.о у.е н.э руб коп дол долл тыс млн млрд трлн куб шт экз чел час мин сек янв \
            февр фев апр авг сент сен окт нояб ноя дек кв.м куб.м",
    starters: "он она они оно мы вы я ты это но что как где когда почему кто зачем там тут здесь если тогда также \
            однако поэтому все",
};

const BULGARIAN: Words = Words {
    inner: "г г-н г-жа г-ца гр ул бул пл кв ж.к бл вх ет ап с общ обл д-р проф доц инж арх акад ген полк кап св вкл \
            напр т.г т.е т.нар т.н ок вж срв стр гл фиг табл изд ред прев бел авт тел макс англ нем фр рус лат дн \
            проц",
    numbered: "№ стр с гл фиг табл чл ал т тел",
    perhaps_last: "т.г и.т.н др т.н пр.н.е н.е лв ст хил млн млрд ч мин сек км кг см мм ян февр апр авг септ окт ноем \
            дек",
    starters: "той тя те това но и ние аз ти вие то какво кой къде кога защо как ако когато там тук тези този тази",
};

const KAZAKH: Words = Words {
    inner: "т.б б.з.б б.з.д б.з қ ғ ғғ ж жж м проф акад доц обл ауд көш даң мыс т.с.с яғ шам ред лат ағылш орыс қаз \
            геогр геол биол тех экон хим",
    numbered: "№ б бет т",
    perhaps_last: "т.с.с ш.б млн млрд трлн руб мин янв февр апр авг сент окт нояб дек",
    starters: "",
};

const GREEK: Words = Words {
    inner: "κ κα κος κκ δρ δρα καθ κ.ά κ.λπ.σ π.χ δηλ βλ πρβλ αρ σελ τηλ οδ λεωφ τ.κ αγ άγ π.δ μτφρ επιμ εκδ τόμ κεφ \
            εικ πίν περ",
    numbered: "αρ σελ τηλ άρθρ τόμ κεφ εικ",
    perhaps_last: "κλπ κ.λπ κτλ κ.τ.λ κ.ά π.μ μ.μ π.χ.ρ μ.χ α.ε ιαν φεβ μαρ απρ μάι ιουν ιουλ αύγ σεπ οκτ νοέ δεκ",
    starters: "ο η το οι τα ένας μια ένα και αλλά δεν είναι αυτός αυτή αυτό εγώ εσύ εμείς τι πού πότε γιατί πώς αν \
            όταν",
};

const ARABIC: Words =
    Words { inner: "د أ م ص.ب إلخ.س ت ه", numbered: "ص ج", perhaps_last: "ق.م ب.م", starters: "" };
