/** The kernel's modules and the firmware of their devices, without what no board of a fleet has. */
import { existsSync, globSync, lstatSync, readdirSync } from 'node:fs'
import { cp, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CodedError } from '../../kit/errors.ts'
import { measure } from './30-prune.ts'
import { copyModules, indexModules, selectModules } from './modules.ts'
import { placesOf, type Recipe, type Stage } from './recipe.ts'

/** Below kernel/ of the modules: glob → why not. What one can plug into a board (USB, GPIO, I²C, cameras, CAN) stays, and so does what that needs. */
const cuts: Record<string, string> = {
  'drivers/gpu/!(drm)': 'no desktop',
  'drivers/gpu/drm/!(vc4|virtio)': 'no desktop: a console is all that a board shows',
  'drivers/media/!(usb)': 'television and capture cards; USB cameras stay',
  'drivers/media/usb/!(uvc)': 'television by USB',
  sound: 'boards in a cupboard are silent',
  'drivers/soundwire': 'sound',
  'drivers/infiniband': 'data centres',
  'drivers/net/ethernet/{mellanox,chelsio,qlogic,sfc,hisilicon,netronome,pensando,cavium,fungible,huawei,emulex,brocade}':
    'data centres',
  'drivers/net/ethernet/intel/{ice,i40e,iavf,ixgbe,ixgbevf,idpf,fm10k}': 'data centres',
  'drivers/net/ethernet/broadcom/{bnxt,bnx2x}': 'data centres',
  'drivers/net/wireless/!(broadcom|virtual)': 'their firmware is not in the image',
  'drivers/net/wireless/broadcom/!(brcm80211)': 'older than any board of ours',
  'drivers/net/{fddi,hippi,arcnet,hamradio,wwan,fjes,plip,slip,ppp/pptp.ko*}': 'networks of other times and places',
  'drivers/{isdn,pcmcia,parport,firewire,atm,staging,comedi,accessibility,accel,hv,xen,target,message,mtd,md/bcache,ntb,vdpa,fpga,greybus,siox,mcb,uio,vfio}':
    'hardware that no board has, or virtual machines within',
  'drivers/scsi/{lpfc,qla2xxx,qla4xxx,mpt3sas,mpi3mr,megaraid,aacraid,bfa,be2iscsi,bnx2i,bnx2fc,csiostor,cxgbi,elx,fnic,hisi_sas,hpsa,ipr,isci,libfc,fcoe,libsas,mvsas,pm8001,qedf,qedi,qla1280,smartpqi,snic,aic7xxx,aic94xx,arcmsr,esas2r,sym53c8xx_2}':
    'storage of servers',
  'drivers/clk/{qcom,mediatek}': 'phones',
  'drivers/{interconnect,pinctrl}/{qcom,mediatek}': 'phones',
  'drivers/soc/{qcom,mediatek}': 'phones',
  'drivers/input/{joystick,touchscreen,tablet,gameport}': 'no one plays here',
  'drivers/bluetooth': 'no program here uses it',
  'net/{bluetooth,appletalk,ax25,netrom,rose,x25,lapb,atm,decnet,phonet,rds,tipc,ieee802154,mac802154,6lowpan,nfc,batman-adv,hsr,kcm,rxrpc,ncsi,smc}':
    'networks of other times and places',
  'fs/{ocfs2,gfs2,jfs,reiserfs,afs,ceph,coda,hfs,hfsplus,minix,qnx4,qnx6,sysv,ufs,ubifs,jffs2,nilfs2,omfs,befs,bfs,efs,affs,adfs,hpfs,dlm,orangefs,9p,zonefs,nfsd,f2fs,xfs,btrfs,ntfs,ntfs3}':
    'file systems that no board of ours mounts',
}

export const kernel: Stage = {
  name: '60-kernel',
  what: "the kernel's modules and firmware",
  async run(recipe) {
    const { root, parts } = placesOf(recipe)
    const { version, modules } = findKernel(recipe)
    const target = join(root, 'usr/lib/modules', version)
    await rm(join(root, 'usr/lib/modules'), { recursive: true, force: true })
    const needs = await indexModules(parts, version)
    const cut = new Set(
      Object.keys(cuts).flatMap(glob => globSync(`${glob}{,/**/*.ko*}`, { cwd: join(modules, 'kernel') })),
    )
    const kept = selectModules(needs, path => !cut.has(path.slice('kernel/'.length)))
    await copyModules(kept, modules, target)
    await indexModules(root, version)
    await copyFirmware(recipe)
    await copyLicences(recipe)
    return `${version}: ${kept.length} of ${needs.size} modules, ${await measure(target)} MiB`
  },
}

export interface Kernel {
  version: string
  /** Its folder of modules. */
  modules: string
  /** What boots. */
  image: string
  /** Folder of device trees, for boards that have no UEFI. */
  deviceTrees: string
}

/** Debian moved things with Linux 7: both places are known. */
export function findKernel(recipe: Recipe): Kernel {
  const { parts } = placesOf(recipe)
  const [version = ''] = readdirSync(join(parts, 'usr/lib/modules'))
  const modules = join(parts, 'usr/lib/modules', version)
  const first = (...paths: string[]): string => paths.find(path => existsSync(path)) ?? ''
  return {
    ...{ version, modules },
    image: first(join(modules, 'vmlinuz'), join(parts, `boot/vmlinuz-${version}`)),
    deviceTrees: first(join(modules, 'dtb'), join(parts, `usr/lib/linux-image-${version}`)),
  }
}

async function copyFirmware(recipe: Recipe): Promise<void> {
  const { root, parts } = placesOf(recipe)
  const from = join(parts, 'usr/lib/firmware')
  for (const glob of recipe.machine.driverFirmware) {
    const found = globSync(glob, { cwd: from })
    // Debian moves such files from package to package: an image without them would leave boards without a network, in silence.
    if (found.length === 0)
      throw new CodedError(
        'NotFound',
        `cannot copy the firmware ${glob}: because none of ${recipe.machine.parts.join(', ')} has it`,
      )
    for (const path of found) {
      await mkdir(dirname(join(root, 'usr/lib/firmware', path)), { recursive: true })
      // Some are links to others in the same folder.
      await cp(join(from, path), join(root, 'usr/lib/firmware', path), { verbatimSymlinks: true })
    }
  }
}

/** Kernel, firmware and loaders go by licences that must go with them; their packages are not in the image, their copyright files are. */
async function copyLicences(recipe: Recipe): Promise<void> {
  const { root, parts } = placesOf(recipe)
  const isOwn = (path: string): boolean => !lstatSync(join(parts, dirname(path))).isSymbolicLink()
  for (const path of globSync('usr/share/doc/*/copyright', { cwd: parts }).filter(isOwn)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await cp(join(parts, path), join(root, path))
  }
}
