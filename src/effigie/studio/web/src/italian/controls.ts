// Controls of Merge and Heads, as the settings' fields name and explain them; a test knows when one lacks its Italian.
export const CONTROLS = {
  Picture: "Immagine",
  "Sharpness and grain": "Nitidezza e grana",
  Mouth: "Bocca",
  Eyes: "Occhi",
  Head: "Testa",
  color: "colore",
  blend: "fusione",
  top: "alto",
  bottom: "basso",
  left: "sinistra",
  right: "destra",
  feather: "sfumatura",
  "occlusion feather": "bordo coperture",
  "what covers": "ciò che copre",
  strength: "intensità",
  limit: "limite",
  noise: "grana",
  interval: "intervallo",
  "color over": "colore su",
  steadiness: "stabilità",
  "motion blur": "mosso",
  complexion: "incarnato",
  none: "nessuno",
  local: "locale",
  on: "sì",
  off: "no",
  "blink left": "palpebra sin.",
  "blink right": "palpebra des.",
  "gaze x": "sguardo x",
  "gaze y": "sguardo y",
  brows: "sopracciglia",
  yaw: "imbardata",
  pitch: "beccheggio",
  roll: "rollio",
  histogram: "istogramma",
  covariance: "covarianza",
  multiband: "multibanda",
  reinhard: "reinhard",
  poisson: "poisson",
  "How the made face gets the footage's light and colour; local looks at each place by itself.":
    "Come il volto creato prende luce e colore del girato; «locale» guarda ogni punto per sé.",
  "How the made face is joined with the footage.": "Come il volto creato si unisce al girato.",
  "Erosion at the brow, -0.5..0.5; negative grows.":
    "Erosione verso la fronte, da -0,5 a 0,5; se negativa la maschera cresce.",
  "Erosion at the chin.": "Erosione verso il mento.",
  "Erosion at the picture's left cheek.": "Erosione verso la guancia a sinistra nell'immagine.",
  "Erosion at the picture's right cheek.": "Erosione verso la guancia a destra nell'immagine.",
  "Width over which the mask rises from 0 to 1, inwards, 0..0.5.":
    "Larghezza su cui la maschera sale da 0 a 1, verso l'interno, da 0 a 0,5.",
  "Softening of the edge against hands, hair and glasses, 0..0.1.":
    "Morbidezza del bordo verso mani, capelli e occhiali, da 0 a 0,1.",
  "on: hands, hair, glasses and whatever else is before the face stay there; off.":
    "sì: mani, capelli, occhiali e tutto ciò che sta davanti al volto restano al loro posto; no: il volto li copre.",
  "0..1, 0 leaves the face as it is, 1 matches the footage as far as the limits allow.":
    "Da 0 a 1: 0 lascia il volto com'è, 1 lo accorda al girato fin dove i limiti lo permettono.",
  "1..4, the largest gain of a band and the inverse of the smallest: more draws halos.":
    "Da 1 a 4: il guadagno massimo di una banda e l'inverso del minimo; oltre compaiono aloni.",
  "0..1, the share of missing grain that is made up.": "Da 0 a 1: la parte della grana mancante che viene ricreata.",
  "Frames from one measurement to the next; what was measured holds in between, smoothed as ever.":
    "Fotogrammi da una misura alla successiva; nel mezzo vale l'ultima misura, smussata come sempre.",
  "S, time constant of the colour's and the grain's smoothing; 0 switches it off.":
    "Secondi: costante di tempo con cui si smussano colore e grana; 0 la disattiva.",
  "0..1 (below 1), how much of the previous made face calms the new one; 0 switches it off.":
    "Da 0 a 1 (escluso): quanto il volto precedente stabilizza il nuovo; 0 lo disattiva.",
  "0..1, how much of the footage's motion blur the made face is given; 0 switches it off.":
    "Da 0 a 1: quanto mosso del girato riceve il volto creato; 0 lo disattiva.",
  "Whose skin the result has, 0 (the source's, in the footage's light) to 1 (the target's own, place by place, so that the face fits the neck).":
    "Di chi è la pelle del risultato: da 0 (della sorgente, nella luce del girato) a 1 (della destinazione, punto per punto, perché il volto si accordi al collo).",
  "Corners of the mouth: 1 a broad smile, -1 drawn down.": "Angoli della bocca: 1 un ampio sorriso, -1 tirati in giù.",
  "Gap between the lips: 0 shut, 1 three centimetres on a face of common size.":
    "Apertura tra le labbra: 0 chiuse, 1 tre centimetri su un volto di misura comune.",
  "Left lids: 0 as open as at rest, 1 shut, below 0 wide open.":
    "Palpebre sinistre: 0 aperte come a riposo, 1 chiuse, sotto 0 spalancate.",
  "Right lids.": "Palpebre destre.",
  "Where the eyes look: 1 to the picture's right, as far as irises are moved.":
    "Dove guardano gli occhi: 1 alla destra dell'immagine, fin dove si spostano le iridi.",
  "The same down.": "Lo stesso, in basso.",
  "1 raised, -1 drawn down and together.": "1 sollevate, -1 abbassate e ravvicinate.",
  "Degrees that the head is turned to the picture's right.":
    "Gradi di cui la testa è girata verso la destra dell'immagine.",
  "Degrees that it is nodded down.": "Gradi di cui la testa è chinata in avanti.",
  "Degrees that it leans clockwise.": "Gradi di cui la testa è inclinata in senso orario.",
};
