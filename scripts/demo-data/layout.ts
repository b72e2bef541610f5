import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Box, imageSize } from './layers.js'

/** The two parts of the data set. */
export type Split = 'train' | 'validation'

/** Where one image and its box go. */
export interface Place {
  image: string
  annotation: string
  /** The image's name without its ending. */
  stem: string
  /** The folder that the annotation names. */
  folder: string
}

/** The files of an image. `index` counts over the whole split, `number` within the class. */
export function placeOf(root: string, split: Split, synset: string, index: number, number: number): Place {
  const stem =
    split === 'train' ? `${synset}_${number}` : `ILSVRC2012_val_${String(index + 1).padStart(8, '0')}`
  return {
    image: join(root, split, synset, `${stem}.JPEG`),
    annotation:
      split === 'train'
        ? join(root, 'train_bounding_boxes', synset, `${stem}.xml`)
        : join(root, 'val_bounding_boxes', `${stem}.xml`),
    stem,
    folder: split === 'train' ? synset : 'val',
  }
}

/** The annotation of one object, in the form of the ILSVRC localisation data. */
export function annotationXml(place: Place, synset: string, box: Box): string {
  return `<annotation>
	<folder>${place.folder}</folder>
	<filename>${place.stem}</filename>
	<source>
		<database>attribution-bottleneck demo</database>
	</source>
	<size>
		<width>${imageSize}</width>
		<height>${imageSize}</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>${synset}</name>
		<pose>Unspecified</pose>
		<truncated>0</truncated>
		<difficult>0</difficult>
		<bndbox>
			<xmin>${box.left}</xmin>
			<ymin>${box.top}</ymin>
			<xmax>${box.right}</xmax>
			<ymax>${box.bottom}</ymax>
		</bndbox>
	</object>
</annotation>
`
}

/** Writes a file under a temporary name and renames it, so that no half file is ever seen. */
export async function writeWhole(file: string, data: Buffer | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const partial = `${file}.${process.pid}.part`
  await writeFile(partial, data)
  await rename(partial, file)
}
